"""HAProxy with the configuration of deploy/haproxy."""

import csv
import os
import socket
import subprocess
from pathlib import Path
from typing import Self

from network import Machine
from rack import NAMES, wait_until

CONFIG = Path(os.environ["SISKIN_SOURCE_DIR"]) / "deploy/haproxy/haproxy.cfg"
SOCKET = "/run/haproxy/siskin.sock"


class HAProxy:
    """Runs on `machine`, in front of `servers`; a context manager."""

    def __init__(self, machine: Machine, servers: list[Machine], folder: Path) -> None:
        self._machine = machine
        self._socket = folder / "haproxy.sock"
        self._config = folder / "haproxy.cfg"
        text = CONFIG.read_text().replace(SOCKET, str(self._socket))
        for name, server in zip(NAMES, servers):
            text = text.replace(f" {name}:", f" {server.address}:")
        self._config.write_text(text)

    def __enter__(self) -> Self:
        self._machine.run("haproxy", "-c", "-q", "-f", str(self._config))
        command = ["haproxy", "-db", "-q", "-f", str(self._config)]
        self._process = self._machine.start(*command, stdout=subprocess.DEVNULL)
        wait_until(lambda: self._socket.exists() or self._process.poll() is not None)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def up(self) -> list[str]:
        """The servers that are given requests."""
        return [row["svname"] for row in self._rows() if row["status"].startswith("UP")]

    def sent(self) -> dict[str, int]:
        """How many requests each server was given."""
        return {row["svname"]: int(row["stot"]) for row in self._rows()}

    def _rows(self) -> list[dict[str, str]]:
        servers_of_the_backend = b"show stat siskin 4 -1\n"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(servers_of_the_backend)
            text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        return list(csv.DictReader(text.lstrip("# ").splitlines()))
