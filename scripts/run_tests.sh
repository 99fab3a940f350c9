#!/usr/bin/env bash
# The tests of a build folder: scripts/run_tests.sh FOLDER [CTEST_OPTION...]
# Then, which were skipped: in CI, one that tests/allowed_skips.txt does not allow is a failure, too.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/stages.sh
folder=$1
shift
[ -d ../shared ] || echo "No ../shared: tests of real weights, photos and published tables are skipped"
# Two minutes of CPU in CI, not in everybody's.
[ "${CI:-}" != true ] || export SISKIN_SCHEDULES=${SISKIN_SCHEDULES:-1000000}
status=0
stages_timed "Testing" ctest --test-dir "$folder" --output-on-failure -j "$(nproc)" \
  --output-junit tests.xml --test-output-size-passed 65536 "$@" || status=$?
tests/check_skips.py "$folder/tests.xml" || [ $status -ne 0 ] || status=1
stages_end
exit $status
