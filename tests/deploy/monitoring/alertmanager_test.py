"""amtool, about deploy/prometheus/alertmanager.yml."""

import unittest

import support

CONFIG = support.PROMETHEUS / "alertmanager.yml"


class AlertmanagerTest(unittest.TestCase):
    def test_configuration(self) -> None:
        done = support.run("amtool", "check-config", CONFIG)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_severity_decides_who_hears(self) -> None:
        for severity in ("page", "ticket"):
            done = support.run("amtool", "config", "routes", "test", f"--config.file={CONFIG}",
                               f"--verify.receivers={severity}", f"severity={severity}", "alertname=SiskinTargetDown")
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    support.run_tests(["amtool"])
