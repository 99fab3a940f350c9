#!/usr/bin/env bash
# Serves models and classifies sample photos:
#   scripts/demo.sh [--serve | --bench] SISKIN MODELS
# MODELS is laid out as deploy/repository/link.sh expects; its images/ holds the photos. If there is no such
# folder, the model is the one inside the binary, and the photos are those of models/builtin/samples.
set -euo pipefail
mode=demo
case "${1:-}" in --serve | --bench) mode=${1#--}; shift ;; esac
[ $# -eq 2 ] || { echo "usage: demo.sh [--serve | --bench] SISKIN MODELS" >&2; exit 2; }
siskin=$1 models=$2
here=$(cd "$(dirname "$0")/.." && pwd)
unset SISKIN_REPOSITORY  # the demo says itself what it serves
source=() model=() photos=()

if [ -d "$models" ]; then
  repository="$here/build/repository"
  "$here/deploy/repository/link.sh" "$models" "$repository" >/dev/null
  source=(--repository "$repository")
  model=(--model mobilenet_v2)
  if [ -d "$models/images" ]; then
    mapfile -t photos < <(find "$models/images" \( -name '*.png' -o -name '*.jpg' \) ! -name '*face*' | sort)
  fi
fi
[ ${#photos[@]} -gt 0 ] || photos=("$here"/models/builtin/samples/*.jpg)

case $mode in
  serve) exec "$siskin" serve "${source[@]}" ;;
  bench) exec "$siskin" bench "${source[@]}" "${model[@]}" --batch 1,8 ;;
esac

# On free ports, so that another server on this machine is neither asked nor in the way.
ready="$here/build/demo.ready" log="$here/build/demo.log"
: >"$ready"
"$siskin" serve "${source[@]}" --grpc 127.0.0.1:0 --admin off >"$ready" 2>"$log" &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null || true' EXIT
until server=$(sed -n 's/^listening grpc=\([^ ]*\).*/\1/p' "$ready") && [ -n "$server" ]; do
  kill -0 $pid 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.1
done

[ ${#source[@]} -gt 0 ] || echo "The built-in model tells ten kinds of clothing apart (models/builtin/README.md):"
"$siskin" classify --server "$server" "${model[@]}" "${photos[@]}"
hint() { printf '  %-66s %s\n' "$1" "$2"; }
echo
echo "Those were a server and a client, over gRPC. To go on:"
hint "make serve" "the same server, on ports 8001 (gRPC) and 8002 (HTTP)"
hint "$siskin classify ${model[*]:+${model[*]} }PHOTO.jpg" "ask it, from another terminal"
hint "curl localhost:8002/metrics" "what Prometheus sees"
[ ${#source[@]} -gt 0 ] || hint "$siskin serve --repository DIR" "your models, at DIR/NAME/1/model.safetensors"
hint "$siskin --help" "everything else"
