"""The arithmetic of the scripts in loadtest/."""

import os
import sys
import unittest

sys.path.insert(0, os.environ["SISKIN_LOADTEST_DIR"])

import overload  # noqa: E402
import policies  # noqa: E402
import served_ratio  # noqa: E402
import simulation_agrees  # noqa: E402
import soak  # noqa: E402


class Efficiency(unittest.TestCase):
    def test_a_client_without_cost_changes_nothing(self) -> None:
        self.assertAlmostEqual(served_ratio.efficiency(90, 100, 2, 2, 0.0), 0.9)

    def test_the_clients_cpu_is_not_the_servers_fault(self) -> None:
        self.assertAlmostEqual(served_ratio.efficiency(75, 100, 2, 2, 0.5), 1.0)

    def test_cores_beyond_the_lanes_leave_room_for_the_client(self) -> None:
        self.assertAlmostEqual(served_ratio.efficiency(75, 100, 2, 8, 0.5), 0.75)


class SimulationAgrees(unittest.TestCase):
    SATURATED = {"throughput": 500.0, "server": {"compute_ms_mean": 28.0, "batch_size_mean": 8.0}}

    def test_lane_time_is_what_the_network_does_not_take(self) -> None:
        self.assertAlmostEqual(simulation_agrees.lane_time(self.SATURATED, 2), 0.5)

    def test_lane_time_is_not_negative(self) -> None:
        self.assertEqual(simulation_agrees.lane_time(self.SATURATED, 1), 0.0)

    def test_the_cost_of_one_image_is_found(self) -> None:
        costs = [{"batch_size": 2, "ms": 7.0}, {"batch_size": 1, "ms": 4.0}]
        self.assertEqual(simulation_agrees.single_image({"models": [{"costs": costs}]}), 4.0)

    def test_percentiles_are_allowed_to_differ_a_little(self) -> None:
        def ratios(p50: float, p99: float) -> dict[str, float]:
            return simulation_agrees.compare(
                {"in_time_ms": {"p50": 10.0, "p99": 20.0}}, {"latency_ms": {"p50": p50, "p99": p99}}
            )

        self.assertEqual(ratios(9.5, 22.0), {"p50": 0.95, "p99": 1.1})
        for p50, p99, expected in [
            (9.1, 22.9, True), (10.9, 17.1, True), (8.9, 20, False), (11.1, 20, False),
            (10, 16.9, False), (10, 23.1, False),
        ]:
            self.assertEqual(simulation_agrees.agrees(ratios(p50, p99)), expected, (p50, p99))


class Overload(unittest.TestCase):
    def test_what_is_left_computes(self) -> None:
        self.assertAlmostEqual(overload.possible(2, 2, 0.5, 0.5, lane_seconds=0.01), 100)

    def test_there_are_no_more_lanes_than_there_are(self) -> None:
        self.assertAlmostEqual(overload.possible(2, 8, 0.5, 0.5, lane_seconds=0.01), 200)

    def test_nothing_is_left(self) -> None:
        self.assertEqual(overload.possible(2, 2, 1.5, 0.7, lane_seconds=0.01), 0)


class Policies(unittest.TestCase):
    def verdict(self, figure: str, auto: float) -> bool:
        fixed = {"1, 0 ms": {figure: [100, 90, 500]}, "8, 0 ms": {figure: [120, 120, 120]}}
        _, good = policies.compare("0.5", {policies.AUTO: {figure: [auto]}, **fixed})
        return good

    def test_throughput_is_compared_with_the_most(self) -> None:
        self.assertTrue(self.verdict("throughput", 118))
        self.assertFalse(self.verdict("throughput", 117))

    def test_latency_is_compared_with_the_least_median(self) -> None:
        self.assertTrue(self.verdict("p99", 103))
        self.assertFalse(self.verdict("p99", 104))


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
