#!/usr/bin/env python3
"""What is answered in time under overload: requests with a deadline, at multiples of the capacity.

    loadtest/overload.py --siskin build/release/bin/siskin --random-model mobilenet_v2 --seconds 60
    loadtest/overload.py ... --image photo.jpg      # photos instead of fp32 tensors

Starts a server of its own on loopback. Its capacity is what a closed loop gets of it; then siskin-open-loop
offers multiples of that. The clients run beside the server and take CPU from it, and so does the mere
receiving of messages. Both are measured: the same requests are first sent at the same rate for a model that
does not exist, which the server reads whole and refuses. What then is left is what could be computed with:

    possible = min(lanes, cores - client - receiving) / lane_seconds_of_an_image

where the last is measured one request at a time. The table says, for each load and deadline:

    of capacity   answered in time, of what the closed loop gets
    of possible   the same, of what is left to compute with
    receiving     CPU of the server that only refuses, in cores, and in microseconds a request
    p99           of what was answered in time
    wasted        lane time for images whose answer came to nobody in time
    retry         median of the time after which refusals say to come back; how many say nothing
    memory        of the server at the end, in parts of what it had after a quarter of the time

Exits with 1 if anything was answered wrongly or late, or if refusals do not say when to come back.
"""

import argparse
import itertools
import json
import os
import sys
import threading
import time
from pathlib import Path

import siskin_process
from siskin_process import Json

PAGE = os.sysconf("SC_PAGE_SIZE")
COLUMNS = (
    "input, connections, load, deadline, in time a second, of capacity, of possible, client cores, "
    "receiving, p50, p99, refused, wasted, retry, memory"
).split(", ")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    siskin_process.add_open_loop_arguments(parser)
    parser.add_argument("--image", action="append", default=[], help="photo to send; repeatable")
    parser.add_argument("--tensor", default="fp32", choices=("fp32", "uint8"), help="default: fp32")
    parser.add_argument("--loads", default="1.2,2,5,10", help="multiples of the capacity")
    parser.add_argument("--deadlines", default="0.2,1", help="seconds")
    parser.add_argument("--connections", default="8,500")
    parser.add_argument("--seconds", type=float, default=20, help="of one run; default: 20")
    parser.add_argument("--json", type=Path, help="file for every report")
    return parser.parse_args()


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def grown(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return siskin_process.total(after, name) - siskin_process.total(before, name)


def closed_loop(arguments: argparse.Namespace, server: siskin_process.Server, more: list[str]) -> Json:
    payload = [word for image in arguments.image for word in ("--image", image)]
    payload = ["--payload", "image" if arguments.image else arguments.tensor, *payload]
    return siskin_process.closed_loop(arguments, server, [*payload, *more])


def lane_seconds_of_an_image(arguments: argparse.Namespace, server: siskin_process.Server) -> float:
    before = siskin_process.scrape(server)
    options = ["--concurrency", "1", "--connections", "1", "--warmup", "0", "--duration", "5"]
    closed_loop(arguments, server, options)
    after = siskin_process.scrape(server)
    busy = grown(before, after, "siskin_lane_busy_seconds_total")
    return busy / grown(before, after, "siskin_batch_size_sum")


def open_loop(
    arguments: argparse.Namespace,
    server: siskin_process.Server,
    model: list[str],
    rate: float,
    deadline: float,
    connections: str,
    seconds: float,
) -> Json:
    """The client's report, and what the server did meanwhile."""
    images = [word for image in arguments.image for word in ("--image", image)]
    images = images or ["--payload", arguments.tensor]
    memory: list[int] = []
    sampler = threading.Timer(seconds / 4, lambda: memory.append(resident_bytes(server.pid)))
    sampler.start()
    before = siskin_process.scrape(server)
    options = [*model, *images, "--rate", rate, "--deadline", deadline, "--seconds", seconds]
    report = siskin_process.open_loop(arguments, server, [*options, "--connections", connections])
    sampler.join()
    memory.append(resident_bytes(server.pid))
    after = siskin_process.scrape(server)
    report["server_cpu_seconds"] = grown(before, after, "process_cpu_seconds_total")
    report["images"] = grown(before, after, "siskin_batch_size_sum")
    report["memory"] = memory[-1] / memory[0]
    return report


def possible(
    lanes: int, cores: int, client: float, receiving: float, lane_seconds: float
) -> float:
    """Images a second; see the top of this file."""
    return min(float(lanes), max(cores - client - receiving, 0.0)) / lane_seconds


class Overload:
    def __init__(self, arguments: argparse.Namespace, server: siskin_process.Server) -> None:
        self.arguments, self.server = arguments, server
        self.lane_seconds = lane_seconds_of_an_image(arguments, server)
        most = closed_loop(arguments, server, ["--duration", "10"])
        self.capacity = most["throughput"]
        self.lanes = int(siskin_process.scrape(server)["siskin_lanes"])
        self.receiving: dict[tuple[float, str], Json] = {}

    def refusing(self, load: float, connections: str) -> Json:
        """What it takes to receive so much and to refuse it."""
        key = (load, connections)
        if key not in self.receiving:
            shape = [] if self.arguments.image else ["--shape", "3", "224", "224"]
            self.receiving[key] = open_loop(
                self.arguments,
                self.server,
                ["--model", "nobody", *shape],
                load * self.capacity,
                deadline=60,
                connections=connections,
                seconds=max(5.0, self.arguments.seconds / 4),
            )
        return self.receiving[key]

    def run(self, load: float, deadline: float, connections: str) -> Json:
        refusing = self.refusing(load, connections)
        report = open_loop(
            self.arguments,
            self.server,
            siskin_process.model_options(self.arguments),
            load * self.capacity,
            deadline,
            connections,
            self.arguments.seconds,
        )
        receiving = refusing["server_cpu_seconds"] / refusing["seconds"]
        client = report["client_cpu_seconds"] / report["seconds"]
        cores = len(os.sched_getaffinity(0))
        most = possible(self.lanes, cores, client, receiving, self.lane_seconds)
        in_time = report["in_time_per_second"]
        images = report["images"]
        answered = report["codes"].get("OK", 0)
        report |= {
            "load": load,
            "connections": connections,
            "capacity": self.capacity,
            "of_capacity": in_time / self.capacity,
            "of_possible": in_time / most if most > 0 else 0.0,
            "receiving_cores": receiving,
            "receiving_us": 1e6 * receiving / sum(refusing["codes"].values()) * refusing["seconds"],
            "client_cores": client,
            "wasted": (images - answered) / images if images else 0.0,
        }
        return report


def row(kind: str, report: Json) -> str:
    cells = [
        kind,
        report["connections"],
        f"{report['load']:g}",
        f"{report['deadline_ms']:.0f} ms",
        f"{report['in_time_per_second']:.0f}",
        f"{report['of_capacity']:.1%}",
        f"{report['of_possible']:.1%}",
        f"{report['client_cores']:.2f}",
        f"{report['receiving_cores']:.2f} ({report['receiving_us']:.0f} us)",
        f"{report['in_time_ms']['p50']:.1f} ms",
        f"{report['in_time_ms']['p99']:.1f} ms",
        str(report["codes"].get("RESOURCE_EXHAUSTED", 0)),
        f"{report['wasted']:.2%}",
        f"{report['retry_after_ms']['p50']:.1f} ms, {report['refusals_without_retry']} without",
        f"{report['memory']:.3f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> int:
    arguments = parse_arguments()
    kind = "photo" if arguments.image else arguments.tensor
    reports, good = [], True
    with siskin_process.Server(arguments.siskin, siskin_process.source_options(arguments)) as server:
        overload = Overload(arguments, server)
        print(
            f"capacity {overload.capacity:.1f} a second with {overload.lanes} lanes (closed loop); "
            f"an image takes a lane {1000 * overload.lane_seconds:.2f} ms\n\n"
            f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}",
            flush=True,
        )
        for connections, load, deadline in itertools.product(
            arguments.connections.split(","),
            map(float, arguments.loads.split(",")),
            map(float, arguments.deadlines.split(",")),
        ):
            report = overload.run(load, deadline, connections)
            reports.append(report)
            good &= report["refusals_without_retry"] == 0
            good &= report["in_time_ms"]["p99"] <= report["deadline_ms"]
            good &= report["codes"].keys() <= {"OK", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}
            print(row(kind, report), flush=True)
            time.sleep(2)  # what the last one left behind is gone
    if arguments.json:
        arguments.json.write_text(json.dumps(reports, indent=2))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
