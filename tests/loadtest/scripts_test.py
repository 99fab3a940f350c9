"""The arithmetic of served_ratio.py and soak.py."""

import os
import sys
import unittest

sys.path.insert(0, os.environ["SISKIN_LOADTEST_DIR"])

import served_ratio  # noqa: E402
import soak  # noqa: E402


class Efficiency(unittest.TestCase):
    def test_a_client_without_cost_changes_nothing(self) -> None:
        self.assertAlmostEqual(served_ratio.efficiency(90, 100, 2, 2, 0.0), 0.9)

    def test_the_clients_cpu_is_not_the_servers_fault(self) -> None:
        self.assertAlmostEqual(served_ratio.efficiency(75, 100, 2, 2, 0.5), 1.0)

    def test_cores_beyond_the_lanes_leave_room_for_the_client(self) -> None:
        self.assertAlmostEqual(served_ratio.efficiency(75, 100, 2, 8, 0.5), 0.75)


class Soak(unittest.TestCase):
    LOAD = {"requests": 100, "throughput": 10.0, "seconds": 10.0}

    def test_slope_of_a_line(self) -> None:
        self.assertAlmostEqual(soak.slope([(0, 5), (1, 7), (2, 9)]), 2.0)

    def test_growth_in_the_warm_up_is_left_out(self) -> None:
        samples = [(float(t), 10.0 * min(t, 4)) for t in range(20)]
        summary = soak.summarize(samples, 0.2, self.LOAD)
        self.assertAlmostEqual(summary["growth_mib"], 0.0)
        self.assertEqual(summary["first_mib"], 0.0)
        self.assertEqual(summary["last_mib"], 40.0)

    def test_a_leak_is_found(self) -> None:
        samples = [(float(t), 100 + 0.5 * t) for t in range(21)]
        summary = soak.summarize(samples, 0.0, self.LOAD)
        self.assertAlmostEqual(summary["growth_mib"], 10.0)
        self.assertAlmostEqual(summary["slope_mib_per_hour"], 1800.0)

    def test_too_few_samples_give_no_verdict(self) -> None:
        with self.assertRaises(SystemExit):
            soak.summarize([(0.0, 1.0)] * 5, 0.0, self.LOAD)


if __name__ == "__main__":
    unittest.main()
