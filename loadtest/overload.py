#!/usr/bin/env python3
"""What is answered in time under overload: requests with a deadline, at multiples of the capacity.

    loadtest/overload.py --bin build/release/bin --repository build/repository --model mobilenet_v2

Starts a server of its own on loopback, finds the capacity with a closed loop, then offers multiples of it
with siskin-open-loop. The clients run beside the server and take CPU from it, so the table also says what
they took. Prints a Markdown table; --json FILE keeps every report.
"""
import argparse
import contextlib
import json
import pathlib
import subprocess
import sys


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the binaries")
    parser.add_argument("--siskin", type=pathlib.Path, help="another server binary to measure")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--repository")
    source.add_argument("--random-model")
    parser.add_argument("--model")
    parser.add_argument("--image", action="append", default=[], help="photo to send instead of tensors")
    parser.add_argument("--loads", default="0.7,1.2,2,5", help="multiples of the capacity")
    parser.add_argument("--deadlines", default="0.2,1", help="seconds")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


@contextlib.contextmanager
def server(options):
    siskin = options.siskin or options.bin / "siskin"
    source = (["--repository", options.repository] if options.repository
              else ["--random-model", options.random_model])
    process = subprocess.Popen([siskin, "serve", *source, "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in process.stdout:
            if line.startswith("listening"):
                yield dict(field.split("=") for field in line.split()[1:])
                break
        else:
            sys.exit("the server did not start")
    finally:
        process.terminate()
        process.wait()


def target(options, addresses):
    return ["--server", addresses["grpc"], *(["--model", options.model] if options.model else [])]


def capacity(options, addresses):
    """Images a second of a closed loop: what a client beside the server leaves."""
    payload = ["--payload", "image"] if options.image else []
    payload += [word for image in options.image for word in ("--image", image)]
    report = subprocess.run([options.bin / "siskin-load", *target(options, addresses), *payload, "--json",
                             "--duration", str(options.seconds / 2)],
                            stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(report.stdout)["throughput"]


def overload(options, addresses, rate, deadline):
    images = [word for image in options.image for word in ("--image", image)]
    report = subprocess.run([options.bin / "siskin-open-loop", *target(options, addresses), *images,
                             "--rate", str(rate), "--deadline", str(deadline),
                             "--seconds", str(options.seconds),
                             "--connections", str(options.connections)],
                            stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(report.stdout)


def main():
    options = arguments()
    reports = []
    with server(options) as addresses:
        most = capacity(options, addresses)
        print(f"capacity: {most:.0f} requests a second (closed loop)\n", flush=True)
        print("| load | deadline | in time, of capacity | p99 of those | refused | refusal p50 | too late "
              "| client CPU |\n|---|---|---|---|---|---|---|---|", flush=True)
        for load in map(float, options.loads.split(",")):
            for deadline in map(float, options.deadlines.split(",")):
                report = overload(options, addresses, load * most, deadline)
                reports.append({"load": load, "capacity": most, **report})
                codes = report["codes"]
                print(f"| {load:g} | {deadline:g} s | {report['in_time_per_second'] / most:.0%} "
                      f"| {report['in_time_ms']['p99']:.0f} ms | {codes.get('RESOURCE_EXHAUSTED', 0)} "
                      f"| {report['refusal_ms']['p50']:.1f} ms | {codes.get('DEADLINE_EXCEEDED', 0)} "
                      f"| {report['client_cpu_seconds'] / report['seconds']:.2f} cores |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(reports, indent=2))


if __name__ == "__main__":
    main()
