#!/usr/bin/python3
"""Says which tests were skipped, why, and whether they may be: check_skips.py JUNIT_FILE

JUNIT_FILE is what `ctest --output-junit` wrote to the build folder. A test may skip where a line of
tests/allowed_skips.txt names it and the line's condition holds on this machine. Where CI is set in the
environment, any other skip is a failure (exit status 1); elsewhere it is only told.

Skips inside of a test are found, too: of a case of Python's unittest or of Node's runner, "TEST/CASE".
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

ALLOWED = Path(__file__).with_name("allowed_skips.txt")


class Skip(NamedTuple):
    name: str
    reason: str


class Rule(NamedTuple):
    pattern: re.Pattern[str]  # of the whole name
    condition: str
    reason: str


class Machine:
    """What of this machine, and of the build in `build`, keeps tests from running."""

    def __init__(self, build: Path) -> None:
        self._build = build

    def holds(self, condition: str) -> bool:
        return CONDITIONS[condition](self)

    def shared(self) -> bool:
        return Path(self._cached("SISKIN_SHARED_DIR")).is_dir()

    def avx512(self) -> bool:
        limit = os.environ.get("DNNL_MAX_CPU_ISA", "AVX512").upper()
        flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        has = flags is not None and {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= set(flags[1].split())
        return has and not limit.startswith(("SSE", "AVX2")) and limit != "AVX"

    def onednn(self) -> int:
        """The major version that the build found."""
        header = Path(self._cached("DNNL_INCLUDE_DIR")) / "oneapi" / "dnnl" / "dnnl_version.h"
        return int(re.search(r"DNNL_VERSION_MAJOR (\d+)", header.read_text())[1])

    def cores(self) -> int:
        return len(os.sched_getaffinity(0))

    def makes_network_namespaces(self) -> bool:
        name = f"siskin-check-{os.getpid()}"
        if not succeeds("ip", "netns", "add", name):
            return False
        return succeeds("ip", "netns", "delete", name)

    def thread_sanitizer(self) -> bool:
        return self._cached("SISKIN_SANITIZE") == "thread"

    def go(self) -> bool:
        return shutil.which("go") is not None

    def protoc(self) -> str:
        return subprocess.run(["protoc", "--version"], capture_output=True, text=True, check=True).stdout

    def _cached(self, variable: str) -> str:
        cache = (self._build / "CMakeCache.txt").read_text()
        value = re.search(rf"^{variable}:\w+=(.*)$", cache, re.MULTILINE)
        if value is None:
            raise SystemExit(f"check_skips: {self._build}/CMakeCache.txt has no {variable}")
        return value[1]


CONDITIONS: dict[str, Callable[[Machine], bool]] = {
    "no-shared": lambda machine: not machine.shared(),
    "shared": Machine.shared,
    "no-avx512": lambda machine: not machine.avx512(),
    "onednn-3": lambda machine: machine.onednn() >= 3,
    "single-core": lambda machine: machine.cores() < 2,
    "no-root-namespaces": lambda machine: not machine.makes_network_namespaces(),
    "tsan": Machine.thread_sanitizer,
    "no-go": lambda machine: not machine.go(),
    "other-protoc": lambda machine: not machine.protoc().startswith("libprotoc 3.21."),
}


def succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def read_rules(path: Path) -> list[Rule]:
    rules = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(maxsplit=2)
        if len(fields) < 3 or fields[1] not in CONDITIONS:
            raise SystemExit(f"{path}:{number}: must be a regular expression, a condition and a reason: {line}")
        rules.append(Rule(re.compile(fields[0]), *fields[1:]))
    return rules


# What one line of output says of a skip: GoogleTest after "Skipped", our own scripts.
WHOLE = re.compile(r": Skipped\n(.+)|^skipped: (.+)$", re.MULTILINE)
# unittest -v; Node's TAP and its spec reporter: the case and the reason.
CASES = re.compile(
    r"^(?P<unittest>\S.*) \.\.\. skipped ['\"](?P<why>.*)['\"]$"
    r"|^\s*ok \d+ - (?P<tap>.*?) # SKIP ?(?P<because>.*)$"
    r"|^\s*\ufe63 (?P<spec>.*?) \([\d.]+ms\) # (?P<since>.*)$",
    re.MULTILINE,
)


def find_skips(junit: Path) -> Iterator[Skip]:
    for case in ElementTree.parse(junit).iter("testcase"):
        output = case.findtext("system-out", "")
        skipped = case.find("skipped")
        if skipped is not None or case.get("status") in ("notrun", "disabled"):
            said = WHOLE.search(output)
            reason = (said[1] or said[2]) if said else (skipped.get("message") if skipped is not None else "disabled")
            yield Skip(case.get("name"), reason.strip())
            continue
        for found in CASES.finditer(output):
            name = found["unittest"] or found["tap"] or found["spec"]
            reason = found["why"] or found["because"] or found["since"] or "no reason given"
            yield Skip(f"{case.get('name')}/{name}", reason)


def rule_for(skip: Skip, rules: list[Rule], machine: Machine) -> Rule | None:
    """The rule that allows `skip`; None if none does."""
    for rule in rules:
        if rule.pattern.fullmatch(skip.name) and machine.holds(rule.condition):
            return rule
    return None


def summary(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def main(junit: Path, rules: list[Rule], machine: Machine, ci: bool) -> int:
    skips = list(find_skips(junit))
    if not skips:
        print("No tests skipped.")
        return 0
    allowed: dict[tuple[str, str], list[str]] = {}
    wrong = []
    for skip in skips:
        rule = rule_for(skip, rules, machine)
        if rule is None:
            wrong.append(skip)
        else:
            allowed.setdefault((rule.condition, rule.reason), []).append(skip.name)
    print(f"{len(skips)} test{'s' if len(skips) > 1 else ''} skipped:")
    for (condition, reason), names in allowed.items():
        print(f"  {condition}, {reason}: {summary(names)}")
    for skip in wrong:
        print(f"  should have run: {skip.name}: {skip.reason}")
    if wrong and ci:
        print(f"{len(wrong)} of them should have run here; tests/allowed_skips.txt says which need not.")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    file = Path(sys.argv[1]).resolve()
    in_ci = os.environ.get("CI", "") not in ("", "0", "false")
    sys.exit(main(file, read_rules(ALLOWED), Machine(file.parent), in_ci))
