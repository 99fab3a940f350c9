#!/usr/bin/env bash
# Configures once and builds: scripts/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
mkdir -p build
if [ ! -f "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || { cat "build/configure-$preset.log" >&2; exit 1; }
fi
echo "Building (${*:-everything}, preset $preset)"
cmake --build --preset "$preset" ${@:+--target "$@"} -- --quiet
