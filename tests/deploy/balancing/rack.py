"""Servers and clients, each on a machine of the rack, and what the tests of this folder share."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from network import Machine, Network

BIN = Path(os.environ["SISKIN_BIN"])
MODEL = "mobilenet_v1_0.25_128"
NAMES = ["siskin-1", "siskin-2", "siskin-3"]
START_SECONDS = 60.0
STOP_SECONDS = 60.0
WAIT_SECONDS = 60.0
LOAD_SECONDS = 240.0  # at most; tests end it earlier
NOBODY_ANSWERS = 2  # exit code of `siskin health`

Json = dict[str, Any]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {WAIT_SECONDS:.0f} s")
        time.sleep(0.02)


class Server:
    """`siskin serve` with random weights."""

    def __init__(self, machine: Machine, *options: str) -> None:
        self.machine = machine
        self._options = options
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Returns when it is ready."""
        address = self.machine.address
        command = [str(BIN / "siskin"), "serve", "--random-model", MODEL, "--lanes", "1"]
        command += ["--grpc", f"{address}:8001", "--admin", f"{address}:8002"]
        command += ["--log-level", "error", *self._options]
        self._process = self.machine.start(*command, stdout=subprocess.PIPE, text=True)
        watchdog = threading.Timer(START_SECONDS, self._process.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        if not line.startswith("listening "):
            raise RuntimeError(f"{self.machine.namespace}: the server did not start")

    def drain(self) -> None:
        """Asks it to end."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Until it has ended, with exit code 0."""
        code = self._process.wait(STOP_SECONDS)
        self.kill()
        if code != 0:
            raise RuntimeError(f"{self.machine.namespace}: exit code {code}")

    def kill(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._process = None

    def answered(self) -> int:
        """Requests since it started."""
        url = f"http://{self.machine.address}:8002/metrics"
        script = f"from urllib.request import urlopen; print(urlopen('{url}').read().decode())"
        done = self.machine.run(sys.executable, "-c", script, stdout=subprocess.PIPE)
        counts = re.findall(r"^siskin_requests_total\{.*\} (\d+)$", done.stdout, re.MULTILINE)
        return sum(int(count) for count in counts)


class Load:
    """A client that asks without a pause; a context manager, so that it never outlives its test."""

    def __init__(self, machine: Machine, *command: str) -> None:
        self._process = machine.start(*command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def report(self) -> Json:
        """Ends the load; what it saw from its start to its end."""
        self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=STOP_SECONDS)
        return json.loads(output)


def strict_client(machine: Machine, target: str) -> Load:
    """siskin-load: four connections, nothing is ever asked twice."""
    command = [str(BIN / "siskin-load"), "--server", target, "--no-progress", "--json"]
    command += ["--payload", "uint8", "--connections", "4", "--concurrency", "8"]
    return Load(machine, *command, "--warmup", "0", "--duration", str(LOAD_SECONDS))


def default_client(machine: Machine, target: str, service_config: str = "{}") -> Load:
    """gRPC for Python as it comes: it repeats by itself what no server has seen, and no more."""
    script = Path(__file__).with_name("default_client.py")
    return Load(machine, sys.executable, "-B", str(script), MODEL, target, service_config)


class RackTest(unittest.TestCase):
    """Three machines for servers, one for a balancer and one for a client."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        network = self.enterContext(Network([*NAMES, "balancer", "client"]))
        self.server_machines = [network.machines[name] for name in NAMES]
        self.balancer = network.machines["balancer"]
        self.client = network.machines["client"]
        self.target = f"{self.balancer.address}:8001"

    def start_servers(self, *options: str) -> list[Server]:
        servers = [Server(machine, *options) for machine in self.server_machines]
        for server in servers:
            self.addCleanup(server.kill)
            server.start()
        return servers

    def start_load(self, load: Load, servers: list[Server]) -> Load:
        """Returns when every server has seen some of it."""
        self.enterContext(load)
        for server in servers:
            wait_until(lambda server=server: server.answered() >= 50)
        return load

    def health(self) -> tuple[int, str]:
        """What `siskin health` ends with and complains of, through the balancer."""
        command = [str(BIN / "siskin"), "health", "--server", self.target, "--timeout", "10"]
        process = self.client.start(*command, stderr=subprocess.PIPE, text=True)
        _, complaint = process.communicate(timeout=STOP_SECONDS)
        return process.returncode, complaint

    def assert_nothing_lost(self, load: Load) -> None:
        report = load.report()
        self.assertEqual(report["errors"], {}, report["first_error"])
        self.assertEqual(report.get("mismatches", 0), 0)
        self.assertGreaterEqual(report["requests"], 150)
