#!/usr/bin/env python3
"""How much of the engine's throughput is served: siskin-load against siskin bench, A B A B.

`siskin bench` runs the network alone; siskin-load measures the same network behind gRPC, with fp32
tensors. Both use the same number of lanes. Client and server share this machine's cores, so what
the client's own CPU time leaves is the server's share:

  efficiency = served / (bench * min(lanes, cores - client_cores) / lanes)

Printed with the plain ratio served / bench. Medians over the rounds count.
"""

import argparse
import json
import os
import statistics
import sys

import siskin_process
from siskin_process import Json


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_server_arguments(
        parser, model="mobilenet_v2", random_model="mobilenet_v2"
    )
    parser.add_argument("--lanes", type=int, default=2, help="of server and bench; default: 2")
    parser.add_argument(
        "--batch", type=int, default=8, help="of the bench, and the server's largest; default: 8"
    )
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement; default: 5")
    parser.add_argument("--concurrency", type=int, default=32, help="default: 32")
    parser.add_argument("--connections", type=int, default=2, help="default: 2")
    parser.add_argument(
        "--require", type=float, metavar="RATIO", help="exit 1 if the efficiency is below this"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args()
    if min(arguments.lanes, arguments.batch, arguments.rounds) < 1 or arguments.seconds <= 0:
        parser.error("--lanes, --batch, --rounds and --seconds must be positive")
    return arguments


def run_bench(arguments: argparse.Namespace) -> Json:
    command = [str(arguments.siskin), "bench", "--json"]
    command += siskin_process.source_options(arguments) + siskin_process.model_options(arguments)
    command += ["--batch", str(arguments.batch), "--lanes", str(arguments.lanes)]
    return siskin_process.run_json([*command, "--seconds", str(arguments.seconds)])


def run_load(arguments: argparse.Namespace, server: siskin_process.Server) -> Json:
    options = ["--payload", "fp32", "--admin", server.admin]
    options += ["--concurrency", arguments.concurrency, "--connections", arguments.connections]
    options += ["--warmup", 1, "--duration", arguments.seconds]
    return siskin_process.closed_loop(arguments, server, options)


def efficiency(served: float, bench: float, lanes: int, cores: int, client_cores: float) -> float:
    """See the top of this file."""
    server_lanes = min(float(lanes), cores - client_cores)
    return served / (bench * server_lanes / lanes)


def summarize(arguments: argparse.Namespace, benches: list[Json], loads: list[Json]) -> Json:
    cores = len(os.sched_getaffinity(0))
    bench_rounds = [bench["results"][0]["images_per_second"] for bench in benches]
    load_rounds = [load["throughput"] for load in loads]
    bench, served = statistics.median(bench_rounds), statistics.median(load_rounds)

    def median_of(section: str, field: str) -> float:
        return statistics.median(load[section][field] for load in loads)

    client_cores = statistics.median(load["client_cpu_cores"] for load in loads)
    return {
        "schema": 1,
        "machine": benches[0]["machine"],
        "version": benches[0]["version"],
        "lanes": arguments.lanes,
        "cores": cores,
        "bench": {"batch": arguments.batch, "median": bench, "rounds": bench_rounds},
        "served": {
            "median": served,
            "rounds": load_rounds,
            "p50_ms": median_of("latency_ms", "p50"),
            "p99_ms": median_of("latency_ms", "p99"),
            "batch_size_mean": median_of("server", "batch_size_mean"),
        },
        "client_cpu_cores": client_cores,
        "server_cpu_cores": median_of("server", "cpu_cores"),
        "ratio": served / bench,
        "efficiency": efficiency(served, bench, arguments.lanes, cores, client_cores),
    }


def to_text(summary: Json) -> str:
    machine, bench, served = summary["machine"], summary["bench"], summary["served"]
    return "\n".join(
        [
            f"machine     {machine['cpu']}, {summary['cores']} cores, {machine['isa']}, "
            f"oneDNN {machine['onednn']}, siskin {summary['version']}",
            f"bench       {bench['median']:.1f} images/s, {summary['lanes']} lanes, "
            f"batch {bench['batch']}  ({min(bench['rounds']):.1f} to {max(bench['rounds']):.1f})",
            f"served      {served['median']:.1f} images/s  "
            f"({min(served['rounds']):.1f} to {max(served['rounds']):.1f})  "
            f"p50 {served['p50_ms']:.1f} ms  p99 {served['p99_ms']:.1f} ms  "
            f"mean batch {served['batch_size_mean']:.1f}",
            f"cpu cores   client {summary['client_cpu_cores']:.2f}  "
            f"server {summary['server_cpu_cores']:.2f}",
            f"ratio       {summary['ratio']:.3f}  (served / bench)",
            f"efficiency  {summary['efficiency']:.3f}  (of what the client's CPU leaves)",
        ]
    )


def main() -> int:
    arguments = parse_arguments()
    options = siskin_process.source_options(arguments)
    options += ["--lanes", str(arguments.lanes), "--max-batch-size", str(arguments.batch)]
    benches, loads = [], []
    # The server sleeps while the bench runs: its lanes block until a request comes.
    with siskin_process.Server(arguments.siskin, options) as server:
        for _ in range(arguments.rounds):
            benches.append(run_bench(arguments))
            loads.append(run_load(arguments, server))
    summary = summarize(arguments, benches, loads)
    print(json.dumps(summary, indent=2) if arguments.json else to_text(summary))
    below = arguments.require is not None and summary["efficiency"] < arguments.require
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
