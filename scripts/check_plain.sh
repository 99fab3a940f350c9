#!/usr/bin/env bash
# Does every file include what it uses? Precompiled headers hide what is missing. Reads each source by
# itself, as editors and clang-tidy do, without making code: scripts/check_plain.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/stages.sh

check() {
  cmake --preset plain
  cmake --build build/plain --target siskin_proto
  python3 - <<'PYTHON' | xargs -0 -P "$(nproc)" -I{} bash -c '{}'
import json, re, sys
entries = json.load(open("build/plain/compile_commands.json"))
for number, entry in enumerate(entries, 1):
    if entry["file"].endswith((".pb.cc", ".S")):
        continue
    command = re.sub(r" -o \S+", "", entry["command"])
    command = command[command.index("c++ "):] + " -fsyntax-only"
    sys.stdout.write(f"echo '[{number}/{len(entries)}]' && cd {entry['directory']} && {command}\0")
PYTHON
}
stage "Reading every file by itself" check
