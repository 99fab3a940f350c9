#!/bin/sh
# Installs the pinned peer into build/peers, then compares:
#   run.sh SISKIN MODELS [OPTION OF run.py]...
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$(cd "$here/../../.." && pwd)/build/peers/onnxruntime
if [ $# -lt 2 ]; then
  sed -n '2,3s/^# *//p' "$0" >&2
  exit 2
fi
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
siskin=$1 models=$2
shift 2
export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" "$here/run.py" --siskin "$siskin" --models "$models" "$@"
