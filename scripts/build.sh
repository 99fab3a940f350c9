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
# What ccache has serves every copy of these sources: worktrees, the build stage of the image. It
# does not preprocess what it does not have (depend mode), and precompiled headers, which have no
# time of their own, are as good as their sources.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content CCACHE_DEPEND=1
export CCACHE_SLOPPINESS=locale,pch_defines,time_macros
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
