"""nginx with the configuration of deploy/nginx."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from network import Machine
from rack import NAMES, wait_until

CONFIG = Path(os.environ["SISKIN_SOURCE_DIR"]) / "deploy/nginx"


class Nginx:
    """Runs on `machine`, in front of `servers`; a context manager."""

    def __init__(self, machine: Machine, servers: list[Machine], folder: Path) -> None:
        self._machine = machine
        self._folder = folder
        self._upstream = (CONFIG / "upstream.conf").read_text()
        for name, server in zip(NAMES, servers):
            self._upstream = self._upstream.replace(f" {name}:", f" {server.address}:")
        shutil.copy(CONFIG / "nginx.conf", folder)
        (folder / "upstream.conf").write_text(self._upstream)

    def __enter__(self) -> Self:
        self._run("-t")
        command = ["nginx", "-p", str(self._folder), "-c", "nginx.conf", "-g", "daemon off;"]
        self._process = self._machine.start(*command, stderr=subprocess.DEVNULL)
        wait_until(
            lambda: (self._folder / "nginx.pid").exists() or self._process.poll() is not None
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def take_out(self, server: Machine) -> None:
        """Returns when nothing gives `server` requests any more."""
        line = f"server {server.address}:8001 "
        self._reload(self._upstream.replace(line, f"{line}down "))

    def put_back(self) -> None:
        """All servers are given requests again."""
        self._reload(self._upstream)

    def _reload(self, upstream: str) -> None:
        (self._folder / "upstream.conf").write_text(upstream)
        before = self._workers()
        self._run("-s", "reload")
        wait_until(lambda: not before & self._workers())

    def _run(self, *arguments: str) -> None:
        command = ["nginx", "-p", str(self._folder), "-c", "nginx.conf", *arguments]
        self._machine.run(*command, stderr=subprocess.DEVNULL)

    def _workers(self) -> set[str]:
        pid = self._process.pid
        return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
