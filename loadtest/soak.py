#!/usr/bin/env python3
"""Many requests, and whether the server's memory stays where it is.

Serves a small model, sends requests with siskin-load and reads the server's resident memory every
second. After the warm-up (the first part of the samples) a line is fitted through it; the growth is
that line's slope times the time it covers. Exit code 1 if the growth is above the bound, or if
siskin-load found errors or changed answers. What follows -- is passed to siskin-load.

Example: soak.py --siskin bin/siskin --repository models -- --payload image --image cat.jpg
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import siskin_process
from siskin_process import Json

MIN_SAMPLES = 8  # after the warm-up; a line through fewer says nothing

Sample = tuple[float, float]  # seconds since the start, MiB


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_server_arguments(
        parser, model="mobilenet_v1_025", random_model="mobilenet_v1_0.25_224"
    )
    parser.add_argument("--requests", type=int, default=100_000, help="default: 100000")
    parser.add_argument("--concurrency", type=int, default=16, help="default: 16")
    parser.add_argument(
        "--warmup", type=float, default=0.2, help="share of the samples left out; default: 0.2"
    )
    parser.add_argument("--interval", type=float, default=1.0, help="of samples; default: 1 second")
    parser.add_argument(
        "--max-growth-mib", type=float, default=4.0, help="after the warm-up; default: 4"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("load_options", nargs="*", help="options for siskin-load, after --")
    arguments = parser.parse_args()
    if min(arguments.requests, arguments.concurrency) < 1 or arguments.interval <= 0:
        parser.error("--requests, --concurrency and --interval must be positive")
    if not 0 <= arguments.warmup < 1:
        parser.error("--warmup must be at least 0 and below 1")
    return arguments


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024.0
    raise RuntimeError(f"process {pid} has no resident memory: it has ended")


def load_command(arguments: argparse.Namespace, server: siskin_process.Server) -> list[str]:
    command = [siskin_process.load_binary(arguments), "--json", "--server", server.grpc]
    command += siskin_process.model_options(arguments)
    command += ["--warmup", "0", "--requests", str(arguments.requests)]
    return [*command, "--concurrency", str(arguments.concurrency), *arguments.load_options]


def sample_until_done(pid: int, load: subprocess.Popen, interval: float) -> Iterator[Sample]:
    start = time.monotonic()
    while True:
        yield time.monotonic() - start, resident_mib(pid)
        try:
            load.wait(interval)
            return
        except subprocess.TimeoutExpired:
            continue


def slope(samples: list[Sample]) -> float:
    """Of the least-squares line, in MiB per second."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


def summarize(samples: list[Sample], warmup: float, load: Json) -> Json:
    steady = samples[int(len(samples) * warmup) :]
    if len(steady) < MIN_SAMPLES:
        sys.exit(f"only {len(steady)} samples after the warm-up: too short a run to tell")
    seconds = steady[-1][0] - steady[0][0]
    return {
        "schema": 1,
        "requests": load["requests"],
        "throughput": load["throughput"],
        "seconds": load["seconds"],
        "first_mib": samples[0][1],
        "after_warmup_mib": steady[0][1],
        "last_mib": steady[-1][1],
        "highest_mib": max(y for _, y in samples),
        "samples_after_warmup": len(steady),
        "slope_mib_per_hour": slope(steady) * 3600.0,
        "growth_mib": slope(steady) * seconds,
    }


def to_text(summary: Json, bound: float) -> str:
    return "\n".join(
        [
            f"requests  {summary['requests']} in {summary['seconds']:.0f} s: "
            f"{summary['throughput']:.1f} per second",
            f"memory    {summary['first_mib']:.1f} MiB at the start, "
            f"{summary['after_warmup_mib']:.1f} after the warm-up, "
            f"{summary['last_mib']:.1f} at the end, {summary['highest_mib']:.1f} at most",
            f"growth    {summary['growth_mib']:+.2f} MiB after the warm-up, by the fitted line "
            f"(bound {bound:g})",
        ]
    )


def soak(arguments: argparse.Namespace) -> tuple[list[Sample], Json]:
    """The samples, and siskin-load's report; leaves the program if that found faults."""
    options = siskin_process.source_options(arguments)
    with siskin_process.Server(arguments.siskin, options) as server:
        command = load_command(arguments, server)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            try:
                samples = list(sample_until_done(server.pid, load, arguments.interval))
            finally:
                load.kill()  # does nothing unless the server has died
            report = load.stdout.read()
    if load.returncode != 0:
        sys.exit(f"siskin-load ended with exit code {load.returncode}\n{report}")
    return samples, json.loads(report)


def main() -> int:
    arguments = parse_arguments()
    samples, load = soak(arguments)
    summary = summarize(samples, arguments.warmup, load)
    if arguments.json:
        print(json.dumps(summary, indent=2))
    else:
        print(to_text(summary, arguments.max_growth_mib))
    return 0 if summary["growth_mib"] <= arguments.max_growth_mib else 1


if __name__ == "__main__":
    sys.exit(main())
