#!/usr/bin/env bash
# What a newcomer's first build costs: scripts/build_cost.sh [REVISION]
# Builds a bare copy of REVISION (default: HEAD) with an empty compiler cache, as `make run` and then
# `make test` do, and prints the CPU time of both (user and system, of all processes) and how long one
# changed file of server/ takes until siskin is linked again. On a quiet machine, packages installed.
set -euo pipefail
cd "$(dirname "$0")/.."
revision=$(git rev-parse --short "${1:-HEAD}")
command -v /usr/bin/time >/dev/null || { echo "This needs Debian's package time." >&2; exit 1; }

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/siskin"
git archive "$revision" | tar -x -C "$copy/siskin"
cd "$copy/siskin"
export CCACHE_DIR="$copy/ccache"

cpu_seconds() {  # COMMAND...: runs it, its output in a file, and prints user + system seconds
  /usr/bin/time -o "$copy/times" -f '%U %S' "$@" >"$copy/output" 2>&1 || { cat "$copy/output" >&2; exit 1; }
  awk '{printf "%.0f", $1 + $2}' "$copy/times"
}

siskin=$(cpu_seconds scripts/build.sh release siskin)
rest=$(cpu_seconds scripts/build.sh release)
echo "revision $revision, $(nproc) cores, $(sed -n 's/^model name\t: //p;T;q' /proc/cpuinfo)"
echo "CPU seconds of make run's build: $siskin"
echo "CPU seconds of all that make test builds: $((siskin + rest))"

# A file in the middle of each folder's list, changed so that no cache knows it.
for file in server/cli/console.cc server/rpc/infer_request.cc server/engine/lane.cc server/pull/staging.cc; do
  echo "namespace { [[maybe_unused]] const char* const kChanged = \"$RANDOM\"; }" >>"$file"
  start=$(date +%s%N)
  scripts/build.sh release siskin >"$copy/output" 2>&1 || { cat "$copy/output" >&2; exit 1; }
  printf 'seconds until siskin is linked after a change of %s: %.1f\n' "$file" "$(($(date +%s%N) - start))e-9"
done
