#!/usr/bin/env bash
# Configures where that is needed and builds: scripts/build.sh PRESET [TARGET...]
# Without targets everything is built, tests included. With targets a new build folder is configured
# without the tests and thus without the packages that only they need.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/stages.sh
preset=$1
shift
folder="build/$preset"
export NINJA_STATUS='[%f/%t] '

configure() {  # [OPTION...]
  stage "Configuring $preset" cmake --preset "$preset" "$@"
}

if [ $# -gt 0 ]; then
  [ -f "$folder/build.ninja" ] || configure -DSISKIN_BUILD_TESTS=OFF
elif [ ! -f "$folder/build.ninja" ] || ! grep -qx SISKIN_BUILD_TESTS:BOOL=ON "$folder/CMakeCache.txt"; then
  configure -DSISKIN_BUILD_TESTS=ON
fi
stage "Building ${*:-everything} ($preset)" cmake --build --preset "$preset" ${@:+--target "$@"}
