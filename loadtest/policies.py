#!/usr/bin/env python3
"""The `auto` batch policy against every fixed setting, at several loads and in bursts.

    loadtest/policies.py --siskin build/release/bin/siskin --random-model mobilenet_v2

Starts a server for each setting, all at once: they sleep while they are not asked. Finds the capacity of
`auto` with a closed loop, then offers parts of it with siskin-open-loop (Poisson arrivals, no deadlines, and
bursts of 8 at half the load and on an idle server), setting after setting and round after round, so that what changes on the machine
meets all of them. For throughput, each setting runs the closed loop too.

The client sends 8-bit tensors, and its CPU time is about the same for all. Prints a Markdown table of
medians over the rounds, each beside the best fixed setting; exits with 1 if `auto` is worse than that by more
than the limits: 2 % of throughput, 3 % of latencies.
"""

import argparse
import contextlib
import itertools
import json
import statistics
import sys
from pathlib import Path

import siskin_process
from siskin_process import Json

AUTO = "auto"
LIMITS = {"throughput": 0.98, "p50": 1.03, "p90": 1.03, "p99": 1.03}
ALONE = 32.0  # requests a second: bursts of 8 that seldom meet


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_open_loop_arguments(parser)
    parser.add_argument("--image", help="photo to send instead of 8-bit tensors")
    parser.add_argument("--batches", default="1,2,4,8", help="fixed settings; default: 1,2,4,8")
    parser.add_argument("--delays", default="0,1,5", help="and their delays in ms; default: 0,1,5")
    parser.add_argument(
        "--loads", default="0.2,0.5,0.8,0.95", help="of capacity; default: 0.2,0.5,0.8,0.95"
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement; default: 3")
    parser.add_argument("--json", type=Path, help="file for every single figure")
    return parser.parse_args()


def settings(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Name -> options of the server. A batch of one waits for nothing, whatever the delay."""
    chosen = {AUTO: ["--batch-policy", "auto"]}
    for batch, delay in itertools.product(arguments.batches.split(","), arguments.delays.split(",")):
        if batch == "1" and delay != "0":
            continue
        chosen[f"{batch}, {delay} ms"] = [
            *("--batch-policy", "fixed", "--max-batch-size", batch),
            *("--max-delay-us", str(round(1000 * float(delay)))),
        ]
    return chosen


def payload(arguments: argparse.Namespace) -> list[str]:
    return ["--image", arguments.image] if arguments.image else ["--payload", "uint8"]


def closed_loop(arguments: argparse.Namespace, server: siskin_process.Server) -> Json:
    kind = ["--payload", "image"] if arguments.image else []
    options = [*kind, *payload(arguments), "--concurrency", 32, "--warmup", 0.5]
    options += ["--duration", arguments.seconds]
    return {"throughput": siskin_process.closed_loop(arguments, server, options)["throughput"]}


def open_loop(
    arguments: argparse.Namespace, server: siskin_process.Server, rate: float, burst: int, seed: int
) -> Json:
    options = [*siskin_process.model_options(arguments), *payload(arguments), "--deadline", 0]
    options += ["--rate", rate, "--burst", burst, "--seconds", arguments.seconds, "--seed", seed]
    report = siskin_process.open_loop(arguments, server, options)
    if report["codes"].keys() != {"OK"}:
        sys.exit(f"not all were answered: {report['codes']}")
    latency = report["in_time_ms"]
    if rate == ALONE:  # the last of a burst
        return {"p90": latency["p90"]}
    return {"p50": latency["p50"], "p99": latency["p99"]}


def measure(arguments: argparse.Namespace, servers: dict[str, siskin_process.Server]) -> Json:
    """load -> setting -> figure -> its values, one a round."""
    capacity = closed_loop(arguments, servers[AUTO])["throughput"]
    cases: list[tuple[str, float, int]] = [("closed", 0.0, 0)]
    cases += [(load, float(load) * capacity, 1) for load in arguments.loads.split(",")]
    cases += [("bursts of 8", 0.5 * capacity, 8), ("a burst of 8", ALONE, 8)]
    figures: Json = {}
    for round_number, (name, rate, burst) in itertools.product(range(arguments.rounds), cases):
        for setting, server in servers.items():
            if burst == 0:
                measured = closed_loop(arguments, server)
            else:  # the same arrivals for all
                measured = open_loop(arguments, server, rate, burst, seed=round_number + 1)
            for figure, value in measured.items():
                of_setting = figures.setdefault(name, {}).setdefault(setting, {})
                of_setting.setdefault(figure, []).append(value)
    return figures


def compare(name: str, of_load: Json) -> tuple[list[str], bool]:
    """Lines of the table, and whether `auto` is within the limits."""
    lines, good = [], True
    for figure in of_load[AUTO]:
        medians = {setting: statistics.median(of_load[setting][figure]) for setting in of_load}
        most = figure == "throughput"
        auto = medians.pop(AUTO)
        best = (max if most else min)(medians, key=medians.get)
        ratio = auto / medians[best]
        within = ratio >= LIMITS[figure] if most else ratio <= LIMITS[figure]
        good &= within
        others = " / ".join(f"{value:.4g}" for value in medians.values())
        lines.append(
            f"| {name} | {figure} | {auto:.4g} | {best}: {medians[best]:.4g} | {ratio:.3f}"
            f"{'' if within else ' !'} | {others} |"
        )
    return lines, good


def main() -> int:
    arguments = parse_arguments()
    chosen = settings(arguments)
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(
                siskin_process.Server(
                    arguments.siskin,
                    # A setting that cannot keep up is to show it in its latency.
                    [*siskin_process.source_options(arguments), *options, "--target-delay", "60"],
                )
            )
            for name, options in chosen.items()
        }
        figures = measure(arguments, servers)
    print(
        "| load | figure | auto | best fixed | ratio | "
        + " / ".join(name for name in chosen if name != AUTO)
        + " |\n|---|---|---|---|---|---|"
    )
    good = True
    for name, of_load in figures.items():
        lines, within = compare(name, of_load)
        print("\n".join(lines))
        good &= within
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
