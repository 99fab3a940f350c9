"""check_skips.py with results, rules and machines of the test's own; and the rules of the project."""

import contextlib
import io
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import check_skips

GTEST = """[ RUN      ] WinogradTest.IsUsed
tests/ops/winograd_test.cc:74: Skipped
needs AVX-512, this machine has avx2
[  SKIPPED ] WinogradTest.IsUsed (0 ms)
"""
RESULTS = f"""<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)" tests="4">
  <testcase name="PlanTest.Runs" status="run"><system-out>[  PASSED  ] 1 test.</system-out></testcase>
  <testcase name="WinogradTest.IsUsed" status="notrun">
    <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/><system-out>{GTEST}</system-out>
  </testcase>
  <testcase name="deploy_balancing" status="notrun">
    <skipped message="SKIP_RETURN_CODE=77"/><system-out>skipped: needs root
</system-out>
  </testcase>
  <testcase name="PullTest.Fails" status="fail"><failure message=""/><system-out></system-out></testcase>
</testsuite>
"""
RULES = r"""# name              condition           reason
WinogradTest\..*    no-avx512           runs kernels for AVX-512

deploy_balancing    no-root-namespaces  runs as root
"""


class FakeMachine(check_skips.Machine):
    def __init__(self, *conditions: str) -> None:
        super().__init__(Path("unused"))
        self._conditions = conditions

    def holds(self, condition: str) -> bool:
        return condition in self._conditions


class CheckSkipsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def skips(self, results: str) -> list[check_skips.Skip]:
        return list(check_skips.find_skips(self.write("results.xml", results)))

    def run_main(self, *conditions: str, ci: bool, results: str = RESULTS) -> tuple[int, str]:
        rules = check_skips.read_rules(self.write("rules.txt", RULES))
        junit = self.write("results.xml", results)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = check_skips.main(junit, rules, FakeMachine(*conditions), ci)
        return status, output.getvalue()

    def test_each_skip_has_the_reason_that_the_test_gave(self) -> None:
        self.assertEqual(
            self.skips(RESULTS),
            [("WinogradTest.IsUsed", "needs AVX-512, this machine has avx2"), ("deploy_balancing", "needs root")],
        )

    def test_a_test_that_did_not_run_is_a_skip(self) -> None:
        case = '<testsuite><testcase name="a" status="{}">{}</testcase></testsuite>'
        lost = case.format("notrun", '<skipped message="Unable to find executable"/>')
        self.assertEqual(self.skips(lost), [("a", "Unable to find executable")])
        self.assertEqual(self.skips(case.format("disabled", "")), [("a", "disabled")])

    def test_cases_inside_of_a_test_are_found(self) -> None:
        output = """test_a (python.A.test_a) ... ok
setUpClass (__main__.GoTest) ... skipped 'needs Go'
test_b (python.A.test_b)
Says "skipped" itself. ... skipped "there's none"
TAP version 13
ok 1 - runs
    ok 2 - classifies # SKIP needs the shared models
\ufe63 detects (0.2ms) # needs the shared models
"""
        results = f'<testsuite><testcase name="w" status="run"><system-out>{output}</system-out></testcase></testsuite>'
        self.assertEqual(
            self.skips(results),
            [
                ("w/setUpClass (__main__.GoTest)", "needs Go"),
                ('w/Says "skipped" itself.', "there's none"),
                ("w/classifies", "needs the shared models"),
                ("w/detects", "needs the shared models"),
            ],
        )

    def test_skips_whose_conditions_hold_are_allowed_in_ci(self) -> None:
        status, output = self.run_main("no-avx512", "no-root-namespaces", ci=True)
        self.assertEqual(status, 0)
        self.assertIn("2 tests skipped:\n", output)
        self.assertIn("no-root-namespaces, runs as root: deploy_balancing\n", output)

    def test_in_ci_a_skip_whose_condition_does_not_hold_fails(self) -> None:
        status, output = self.run_main("no-avx512", ci=True)
        self.assertEqual(status, 1)
        self.assertIn("should have run: deploy_balancing: needs root\n", output)
        self.assertNotIn("should have run: Winograd", output)

    def test_in_ci_a_skip_that_is_not_listed_fails(self) -> None:
        results = RESULTS.replace('"deploy_balancing"', '"deploy_balancing_more"')
        status, output = self.run_main("no-avx512", "no-root-namespaces", ci=True, results=results)
        self.assertEqual(status, 1)
        self.assertIn("should have run: deploy_balancing_more", output)

    def test_elsewhere_it_only_tells(self) -> None:
        status, output = self.run_main(ci=False)
        self.assertEqual(status, 0)
        self.assertEqual(output.count("should have run:"), 2)

    def test_nothing_skipped(self) -> None:
        self.assertEqual(self.run_main(ci=True, results="<testsuite/>"), (0, "No tests skipped.\n"))

    def test_many_of_one_reason_are_one_line(self) -> None:
        case = '<testcase name="WinogradTest.{}" status="notrun"><skipped message="no"/></testcase>'
        results = "<testsuite>" + "".join(case.format(i) for i in range(9)) + "</testsuite>"
        _, output = self.run_main("no-avx512", ci=True, results=results)
        self.assertIn("no-avx512, runs kernels for AVX-512: WinogradTest.0, WinogradTest.1, WinogradTest.2 and 6 more\n", output)

    def test_a_rule_needs_a_known_condition_and_a_reason(self) -> None:
        for line in ("a", "a no-shared", "a no-such-condition because"):
            with self.assertRaisesRegex(SystemExit, r"rules\.txt:1: must be"):
                check_skips.read_rules(self.write("rules.txt", line))


class MachineTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def machine(self, **cache: str) -> check_skips.Machine:
        lines = [f"{name}:STRING={value}\n" for name, value in cache.items()]
        (self.folder / "CMakeCache.txt").write_text("".join(lines))
        return check_skips.Machine(self.folder)

    def test_the_shared_folder_is_that_of_the_build(self) -> None:
        there = self.machine(SISKIN_SHARED_DIR=str(self.folder))
        self.assertTrue(there.holds("shared"))
        self.assertFalse(there.holds("no-shared"))
        self.assertTrue(self.machine(SISKIN_SHARED_DIR=str(self.folder / "none")).holds("no-shared"))

    def test_the_sanitizer_is_that_of_the_build(self) -> None:
        self.assertTrue(self.machine(SISKIN_SANITIZE="thread").holds("tsan"))
        self.assertFalse(self.machine(SISKIN_SANITIZE="address,undefined").holds("tsan"))
        with self.assertRaisesRegex(SystemExit, "has no SISKIN_SANITIZE"):
            self.machine().holds("tsan")

    def test_the_onednn_is_that_of_the_build(self) -> None:
        header = self.folder / "oneapi" / "dnnl" / "dnnl_version.h"
        header.parent.mkdir(parents=True)
        for version, is_three in ((2, False), (3, True)):
            header.write_text(f"/// Major version\n#define DNNL_VERSION_MAJOR {version}\n")
            self.assertEqual(self.machine(DNNL_INCLUDE_DIR=str(self.folder)).holds("onednn-3"), is_three)

    def test_avx512_may_be_switched_off(self) -> None:
        for limit in ("AVX2", "avx2_vnni", "AVX", "SSE41"):
            with mock.patch.dict("os.environ", DNNL_MAX_CPU_ISA=limit):
                self.assertTrue(self.machine().holds("no-avx512"), limit)

    def test_every_condition_can_be_told_of_this_machine(self) -> None:
        include = self.folder / "oneapi" / "dnnl"
        include.mkdir(parents=True)
        (include / "dnnl_version.h").write_text("#define DNNL_VERSION_MAJOR 2\n")
        machine = self.machine(SISKIN_SHARED_DIR="", SISKIN_SANITIZE="", DNNL_INCLUDE_DIR=str(self.folder))
        for condition in check_skips.CONDITIONS:
            self.assertIn(machine.holds(condition), (True, False), condition)

    def test_a_program_that_is_missing_does_nothing(self) -> None:
        self.assertFalse(check_skips.succeeds("siskin-no-such-program"))


class ProjectTest(unittest.TestCase):
    def test_its_rules_can_be_read(self) -> None:
        rules = check_skips.read_rules(check_skips.ALLOWED)
        self.assertTrue(rules)
        for rule in rules:
            self.assertFalse(re.fullmatch(rule.pattern, ""), f"{rule.pattern.pattern} allows everything")


if __name__ == "__main__":
    unittest.main(verbosity=2)
