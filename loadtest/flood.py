#!/usr/bin/env python3
"""What seven models notice when an eighth is flooded, and how models share the lanes.

    loadtest/flood.py --siskin build/release/bin/siskin --repository DIR --model mobilenet_v2

Serves eight copies of one model. Seven of them are asked in turn for a part of the capacity; meanwhile the
eighth is asked for five times the capacity with deadlines of 200 ms, or, to compare with, as many requests go
to a model that does not exist: the clients and the receiving take as much CPU then. Round after round; prints
the latencies of the seven, and their ratio. Exits with 1 if p99 rises by more than --limit.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import siskin_process
from siskin_process import Json

OTHERS = [f"other{number}" for number in range(1, 8)]
FLOODED = "flooded"
NOBODY = "nobody"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_open_loop_arguments(parser)
    parser.add_argument("--load", type=float, default=0.3, help="of the seven; default: 0.3")
    parser.add_argument("--flood", type=float, default=5.0, help="of the eighth; default: 5")
    parser.add_argument("--limit", type=float, default=1.5, help="ratio of p99; default: 1.5")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=10, help="of one run; default: 10")
    arguments = parser.parse_args()
    if arguments.repository is None:
        parser.error("--repository: the eight models are copies of one that is there")
    return arguments


@contextlib.contextmanager
def copies(arguments: argparse.Namespace) -> Iterator[str]:
    """A repository with the model under eight names."""
    original = (Path(arguments.repository) / arguments.model).resolve()
    with tempfile.TemporaryDirectory() as folder:
        for name in [FLOODED, *OTHERS]:
            (Path(folder) / name).symlink_to(original)
        yield folder


def open_loop(
    arguments: argparse.Namespace, server: siskin_process.Server, models: list[str], rate: float, more: list
) -> Json:
    options = ["--model", *models, "--payload", "uint8", "--shape", 3, 224, 224, "--rate", rate]
    return siskin_process.open_loop(arguments, server, [*options, *more])


def latencies(
    arguments: argparse.Namespace, server: siskin_process.Server, capacity: float, flooded: str
) -> Json:
    """Of the seven, while `flooded` is asked for too much."""
    flood = threading.Thread(
        target=open_loop,
        args=(arguments, server, [flooded], arguments.flood * capacity),
        kwargs={"more": ["--deadline", 0.2, "--seconds", arguments.seconds + 2]},
    )
    flood.start()
    more = ["--deadline", 0, "--seconds", arguments.seconds]
    report = open_loop(arguments, server, OTHERS, arguments.load * capacity, more)
    flood.join()
    if report["codes"].keys() != {"OK"}:
        sys.exit(f"not all of the others were answered: {report['codes']}")
    return report["in_time_ms"]


def main() -> int:
    arguments = parse_arguments()
    rounds: dict[str, list[Json]] = {NOBODY: [], FLOODED: []}
    with copies(arguments) as folder:
        with siskin_process.Server(arguments.siskin, ["--repository", folder]) as server:
            options = ["--payload", "uint8", "--duration", 5]
            report = siskin_process.closed_loop(arguments, server, options, model=FLOODED)
            capacity = report["throughput"]
            for _ in range(arguments.rounds):
                for flooded, figures in rounds.items():
                    figures.append(latencies(arguments, server, capacity, flooded))
    ratio = 0.0
    print(f"capacity {capacity:.0f} a second\n\n| | alone | beside the flooded one | ratio |\n|---|---|---|---|")
    for name in ("p50", "p90", "p99"):
        alone, beside = (statistics.median(f[name] for f in rounds[key]) for key in (NOBODY, FLOODED))
        ratio = beside / alone
        print(f"| {name} | {alone:.1f} ms | {beside:.1f} ms | {ratio:.2f} |")
    return 0 if ratio <= arguments.limit else 1


if __name__ == "__main__":
    sys.exit(main())
