"""Starts a Siskin server and runs the other programs, for the scripts beside this file."""

import argparse
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

START_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 30.0

Json = dict[str, Any]


def add_server_arguments(parser: argparse.ArgumentParser, model: str, random_model: str) -> None:
    """Binaries and models: `model` of --repository, or else `random_model` with random weights."""
    parser.add_argument("--siskin", required=True, type=Path, help="the siskin binary")
    parser.add_argument("--siskin-load", type=Path, help="default: siskin-load beside it")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--repository", help="model repository to serve")
    source.add_argument(
        "--random-model",
        default=random_model,
        help=f"without --repository: serve this with random weights; default: {random_model}",
    )
    parser.add_argument(
        "--model", default=model, help=f"model of the repository; default: {model}"
    )


def add_open_loop_arguments(parser: argparse.ArgumentParser) -> None:
    add_server_arguments(parser, model="mobilenet_v2", random_model="mobilenet_v2")
    parser.add_argument("--siskin-open-loop", type=Path, help="default: beside the siskin binary")


def load_binary(arguments: argparse.Namespace) -> str:
    return str(arguments.siskin_load or arguments.siskin.with_name("siskin-load"))


def source_options(arguments: argparse.Namespace) -> list[str]:
    """Where the models come from, as `siskin serve` and `siskin bench` want it."""
    if arguments.repository is None:
        return ["--random-model", arguments.random_model]
    return ["--repository", arguments.repository]


def model_options(arguments: argparse.Namespace) -> list[str]:
    """Which model to use, if there can be several."""
    return [] if arguments.repository is None else ["--model", arguments.model]


class Server:
    """`siskin serve` on free local ports; a context manager, ready once entered."""

    def __init__(self, binary: Path, options: list[str]) -> None:
        command = [str(binary), "serve", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        command += ["--log-level", "warning", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.grpc = ""
        self.admin = ""

    def __enter__(self) -> "Server":
        watchdog = threading.Timer(START_TIMEOUT_SECONDS, self._process.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if not line.startswith("listening ") or not {"grpc", "admin"} <= words.keys():
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"the server did not start; it printed {line!r}")
        self.grpc, self.admin = words["grpc"], words["admin"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            code = self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()
        if code != 0:
            raise RuntimeError(f"the server ended with exit code {code}")


def run_json(command: list[str]) -> Json:
    """What `command` prints. Leaves the program if it fails: its own message is on stderr."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        sys.exit(f"{command[0]} ended with exit code {done.returncode}")
    return json.loads(done.stdout)


def closed_loop(
    arguments: argparse.Namespace, server: Server, options: list[object], model: str | None = None
) -> Json:
    """The report of siskin-load, of the `model`; without it, of the arguments' one."""
    named = model_options(arguments) if model is None else ["--model", model]
    command = [load_binary(arguments), "--json", "--no-progress", "--server", server.grpc, *named]
    return run_json([*command, *map(str, options)])


def open_loop(arguments: argparse.Namespace, server: Server, options: list[object]) -> Json:
    """The report of siskin-open-loop."""
    binary = arguments.siskin_open_loop or arguments.siskin.with_name("siskin-open-loop")
    return run_json([str(binary), "--server", server.grpc, *map(str, options)])


def scrape(server: Server) -> dict[str, float]:
    """Metrics by name and labels, as in name{label="value"}."""
    values = {}
    with urllib.request.urlopen(f"http://{server.admin}/metrics", timeout=60) as answer:
        for line in answer.read().decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
    return values


def total(metrics: dict[str, float], name: str) -> float:
    """The sum over all labels."""
    return sum(value for key, value in metrics.items() if key.split("{")[0] == name)
