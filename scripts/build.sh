#!/usr/bin/env bash
# Configures where that is needed and builds: scripts/build.sh PRESET [TARGET...]
# Without targets everything is built, tests included. With targets a new build folder is configured
# without the tests and thus without the packages that only they need.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
folder="build/$preset"
# What ccache has serves every copy of these sources: worktrees, the build stage of the image.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content CCACHE_SLOPPINESS=locale

configure() {  # [OPTION...]
  local log="build/configure-$preset.log"
  mkdir -p build
  cmake --preset "$preset" "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

if [ $# -gt 0 ]; then
  [ -f "$folder/build.ninja" ] || configure -DSISKIN_BUILD_TESTS=OFF
elif [ ! -f "$folder/build.ninja" ] || ! grep -qx SISKIN_BUILD_TESTS:BOOL=ON "$folder/CMakeCache.txt"; then
  configure -DSISKIN_BUILD_TESTS=ON
fi
echo "Building ${*:-everything} (preset $preset); the first time takes some minutes"
quiet=()
[ -t 1 ] || quiet=(-- --quiet)  # a terminal gets ninja's one moving line
cmake --build --preset "$preset" ${@:+--target "$@"} "${quiet[@]}"
