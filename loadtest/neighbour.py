#!/usr/bin/env python3
"""What requests wait for while another process takes a core from the server.

    loadtest/neighbour.py --siskin build/release/bin/siskin --random-model mobilenet_v2      # as root

Starts a server of its own with a lane for each core and offers a part of what it could do on the cores that
are left. Every second the neighbour, which runs on core 0 alone and before everything else there (nice -20),
takes that core for 0.3 seconds, as a garbage collector or a batch job would. Prints the latencies with and
without it, for each way of pinning lanes, and what a batch of 8 takes.

Exits with 1 if with `--pin auto` a request waited for more than twice that.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import sys
import time
from multiprocessing import Event, Process
from pathlib import Path

import siskin_process
from siskin_process import Json


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_open_loop_arguments(parser)
    parser.add_argument("--load", type=float, default=0.3, help="of the capacity; default: 0.3")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--seconds", type=float, default=10, help="of one run; default: 10")
    return parser.parse_args()


def take_a_core(stop: Event) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    while not stop.is_set():
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pass
        stop.wait(0.7)


class Neighbour:
    """A context manager: there while it is entered."""

    def __enter__(self) -> None:
        self._stop = Event()
        self._process = Process(target=take_a_core, args=(self._stop,))
        self._process.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._process.join()


def largest_cost(server: siskin_process.Server) -> float:
    """Seconds that the largest batch takes."""
    costs = siskin_process.scrape(server).items()
    return max(value for name, value in costs if name.startswith("siskin_batch_cost_seconds{"))


def capacity(arguments: argparse.Namespace, server: siskin_process.Server) -> float:
    options = ["--payload", "uint8", "--duration", 5]
    return siskin_process.closed_loop(arguments, server, options)["throughput"]


def latencies(arguments: argparse.Namespace, server: siskin_process.Server, rate: float) -> Json:
    options = [*siskin_process.model_options(arguments), "--payload", "uint8", "--deadline", 0]
    options += ["--rate", rate, "--seconds", arguments.seconds]
    return siskin_process.open_loop(arguments, server, options)["in_time_ms"]


def main() -> int:
    arguments = parse_arguments()
    measured: dict[tuple[str, bool], list[Json]] = {}
    with contextlib.ExitStack() as stack:
        servers = {
            pin: stack.enter_context(
                siskin_process.Server(
                    arguments.siskin, [*siskin_process.source_options(arguments), "--pin", pin]
                )
            )
            for pin in ("auto", "on", "off")
        }
        cost = largest_cost(servers["auto"])
        rate = arguments.load * capacity(arguments, servers["auto"])
        for _, disturbed, pin in itertools.product(
            range(arguments.rounds), (False, True), servers
        ):
            with Neighbour() if disturbed else contextlib.nullcontext():
                figures = latencies(arguments, servers[pin], rate)
            measured.setdefault((pin, disturbed), []).append(figures)
    print(f"{rate:.0f} requests a second; the largest batch takes {1000 * cost:.1f} ms\n")
    print("| --pin | neighbour | p50 | p99 | longest |\n|---|---|---|---|---|")
    longest = {}
    for (pin, disturbed), rounds in measured.items():
        cells = [statistics.median(figures[name] for figures in rounds) for name in ("p50", "p99", "max")]
        longest[pin, disturbed] = cells[-1]
        neighbour = "takes a core" if disturbed else "none"
        print(f"| {pin} | {neighbour} | {' | '.join(f'{cell:.1f} ms' for cell in cells)} |")
    return 0 if longest["auto", True] <= 2000 * cost else 1


if __name__ == "__main__":
    sys.exit(main())
