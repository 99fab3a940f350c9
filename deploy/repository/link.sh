#!/usr/bin/env bash
# Makes a model repository of symbolic links:
#
#   link.sh SOURCE DESTINATION
#
# SOURCE holds <model>/model.safetensors and, for classifiers, <model>/labels.txt. Each model with a
# model.textproto beside this script becomes
#
#   DESTINATION/<model>/1/model.safetensors  -> SOURCE/<model>/model.safetensors
#   DESTINATION/<model>/labels.txt           -> SOURCE/<model>/labels.txt
#   DESTINATION/<model>/model.textproto      -> <beside this script>/<model>/model.textproto
#
# Links that are there already are renewed; a file of another kind in their place is an error.
set -euo pipefail

fail() {
  echo "link.sh: $*" >&2
  exit 1
}

# link TARGET NAME
link() {
  if [[ -e "$2" && ! -L "$2" ]]; then
    fail "$2 exists and is not a link; move it away"
  fi
  mkdir -p "$(dirname "$2")"
  ln -sfn "$1" "$2"
  echo "$2 -> $1"
}

[[ $# -eq 2 ]] || fail "usage: link.sh SOURCE DESTINATION"
[[ -d "$1" ]] || fail "no folder $1"
source_dir="$(cd -- "$1" && pwd)"
destination="$2"
configs="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"

linked=0
for config in "$configs"/*/model.textproto; do
  model="$(basename "$(dirname "$config")")"
  weights="$source_dir/$model/model.safetensors"
  [[ -f "$weights" ]] || continue
  link "$weights" "$destination/$model/1/model.safetensors"
  if [[ -f "$source_dir/$model/labels.txt" ]]; then
    link "$source_dir/$model/labels.txt" "$destination/$model/labels.txt"
  fi
  link "$config" "$destination/$model/model.textproto"
  linked=$((linked + 1))
done
[[ $linked -gt 0 ]] || fail "$source_dir has none of the models configured in $configs"
echo "$linked models in $destination"
