#!/usr/bin/env python3
"""Whether `siskin simulate` says what a server does: p50 and p99 of both, at parts of the capacity.

    loadtest/simulation_agrees.py --siskin build/release/bin/siskin --repository build/repository

On a quiet machine of at least two cores. The clients have the last core for themselves and gRPC's threads of
the server; the server has a lane for each of the others (--lanes: fewer), so that no client takes lane time. In
order:

1. Batch times are measured: `siskin simulate --save-costs`.
2. A server starts. A closed loop with 32 requests a lane in flight finds its capacity. What a lane takes for an image
   beside the network (to decode, to answer) is what is missing: lanes / capacity - compute / batch size (--prepare).
3. siskin-open-loop sends requests at a twentieth of the capacity, which hardly meet. What a request takes beside
   its lane, its sending included, is what is missing in their median (--overhead).
4. siskin-open-loop offers each load, and `siskin simulate` gets the same rate and deadline.

Prints a Markdown table; --json FILE keeps every report. Exit code 1: some p50 is more than 10 % off, or some p99 more
than 15 %.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import siskin_process
from siskin_process import Json

ALLOWED = {"p50": 0.10, "p99": 0.15}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_open_loop_arguments(parser)
    parser.add_argument("--lanes", type=int, help="default: one for each core but one")
    parser.add_argument(
        "--loads", default="0.3,0.6,0.9", help="parts of the capacity; default: 0.3,0.6,0.9"
    )
    parser.add_argument(
        "--deadline", type=float, default=0.5, help="seconds for each request; default: 0.5"
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of one measurement; default: 60"
    )
    parser.add_argument(
        "--measure", type=float, default=5.0, help="seconds for each batch size; default: 5"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every report")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    arguments.lanes = arguments.lanes or cores - 1
    if not 1 <= arguments.lanes < cores:
        parser.error(f"expected a lane at least, and a core more than lanes; there are {cores} cores")
    return arguments


def closed_loop(arguments: argparse.Namespace, server: siskin_process.Server) -> Json:
    options = ["--concurrency", 32 * arguments.lanes, "--duration", arguments.seconds / 4]
    return siskin_process.closed_loop(arguments, server, options)


def lane_time(report: Json, lanes: int) -> float:
    """Milliseconds that a lane takes for an image beside the network, while no lane rests."""
    server = report["server"]
    network = server["compute_ms_mean"] / server["batch_size_mean"]
    return max(0.0, 1000 * lanes / report["throughput"] - network)


def single_image(costs: Json) -> float:
    """Milliseconds, the median."""
    return next(c["ms"] for c in costs["models"][0]["costs"] if c["batch_size"] == 1)


def open_loop(arguments: argparse.Namespace, server: siskin_process.Server, rate: float) -> Json:
    options = [*siskin_process.model_options(arguments), "--rate", rate]
    options += ["--deadline", arguments.deadline, "--seconds", arguments.seconds]
    return siskin_process.open_loop(arguments, server, options)


def simulate(
    arguments: argparse.Namespace, costs: Path, rate: float, beside: float, prepare: float
) -> Json:
    command = [str(arguments.siskin), "simulate", "--json", "--costs", str(costs)]
    command += ["--lanes", str(arguments.lanes), "--rate", str(rate)]
    command += ["--deadline", f"{arguments.deadline}s"]
    return siskin_process.run_json(
        [*command, "--overhead", f"{beside:.6f}ms", "--prepare", f"{prepare:.6f}ms"]
    )


def save_costs(arguments: argparse.Namespace, path: Path) -> None:
    command = [str(arguments.siskin), "simulate", "--save-costs", str(path)]
    command += siskin_process.source_options(arguments) + siskin_process.model_options(arguments)
    command += ["--lanes", str(arguments.lanes), "--measure", str(arguments.measure)]
    subprocess.run(command, check=True)


def compare(measured: Json, simulated: Json) -> dict[str, float]:
    """Simulated over measured, of each percentile."""
    return {
        name: simulated["latency_ms"][name] / measured["in_time_ms"][name] for name in ALLOWED
    }


def agrees(ratios: dict[str, float]) -> bool:
    return all(abs(ratios[name] - 1) <= allowed for name, allowed in ALLOWED.items())


def row(load: float, measured: Json, simulated: Json) -> str:
    ratios = compare(measured, simulated)
    cells = [f"{load:.0%}", f"{measured['offered_per_second']:.1f}"]
    for name, ratio in ratios.items():
        cells += [f"{measured['in_time_ms'][name]:.2f}", f"{simulated['latency_ms'][name]:.2f}"]
        cells += [f"{ratio:.3f}"]
    answered = measured["in_time_ms"]["count"] / max(1, sum(measured["codes"].values()))
    cells += [f"{answered:.1%}", f"{simulated['in_time'] / simulated['requests']:.1%}"]
    cells += [f"{measured['client_cpu_seconds'] / measured['seconds']:.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    arguments = parse_arguments()
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        costs = Path(folder) / "costs.json"
        save_costs(arguments, costs)
        options = ["--lanes", str(arguments.lanes), *siskin_process.source_options(arguments)]
        with siskin_process.Server(arguments.siskin, options) as server:
            # The clients inherit it; the server has started already, on all cores.
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            saturated = closed_loop(arguments, server)
            capacity = saturated["throughput"]
            prepare = lane_time(saturated, arguments.lanes)
            alone = open_loop(arguments, server, capacity / 20)["in_time_ms"]["p50"]
            single = single_image(json.loads(costs.read_text()))
            beside = max(0.0, alone - single - prepare)
            print(f"capacity {capacity:.1f} requests/s with {arguments.lanes} lanes (closed loop)")
            print(f"an image takes {single:.3f} ms of the network and {prepare:.3f} ms more of its lane, "
                  f"a request {beside:.3f} ms beside them\n")
            print("| load | requests/s | p50 ms, measured | simulated | ratio | p99 ms, measured "
                  "| simulated | ratio | in time, measured | simulated | client cores |")
            print("|" + "---|" * 11, flush=True)
            for load in map(float, arguments.loads.split(",")):
                measured = open_loop(arguments, server, load * capacity)
                simulated = simulate(arguments, costs, load * capacity, beside, prepare)
                reports.append({"load": load, "measured": measured, "simulated": simulated})
                print(row(load, measured, simulated), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=2))
    if not all(agrees(compare(r["measured"], r["simulated"])) for r in reports):
        sys.exit("they do not agree within 10 % at p50 and 15 % at p99")


if __name__ == "__main__":
    main()
