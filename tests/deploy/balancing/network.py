"""Machines of one rack, each a network namespace of its own, on one bridge."""

import ipaddress
import os
import subprocess
from typing import Self

SUBNET = ipaddress.ip_network("10.77.0.0/24")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


class Machine:
    """A namespace with an address."""

    def __init__(self, namespace: str, address: str) -> None:
        self.namespace = namespace
        self.address = address

    def start(self, *command: str, **options: object) -> subprocess.Popen:
        """`command` on this machine; the process is the command's own."""
        return subprocess.Popen(["ip", "netns", "exec", self.namespace, *command], **options)

    def run(self, *command: str, **options: object) -> subprocess.CompletedProcess:
        in_namespace = ["ip", "netns", "exec", self.namespace, *command]
        return subprocess.run(in_namespace, check=True, text=True, **options)


class Network:
    """Machines by name; a context manager. The bridge is in a namespace too, so that nothing is
    seen outside."""

    def __init__(self, names: list[str]) -> None:
        self._prefix = f"siskin-{os.getpid()}"
        self._names = names
        self._created: list[str] = []
        self.machines: dict[str, Machine] = {}

    def __enter__(self) -> Self:
        try:
            bridge = self._add_namespace("bridge")
            ip("-n", bridge, "link", "add", "rack", "type", "bridge")
            ip("-n", bridge, "link", "set", "rack", "up")
            for name, address in zip(self._names, SUBNET.hosts()):
                self._add_machine(bridge, name, str(address))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in self._created:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)

    def _add_namespace(self, name: str) -> str:
        namespace = f"{self._prefix}-{name}"
        ip("netns", "add", namespace)
        self._created.append(namespace)
        ip("-n", namespace, "link", "set", "lo", "up")
        return namespace

    def _add_machine(self, bridge: str, name: str, address: str) -> None:
        namespace = self._add_namespace(name)
        peer = ["peer", "name", "eth0", "netns", namespace]
        ip("-n", bridge, "link", "add", name, "type", "veth", *peer)
        ip("-n", bridge, "link", "set", name, "master", "rack", "up")
        ip("-n", namespace, "address", "add", f"{address}/{SUBNET.prefixlen}", "dev", "eth0")
        ip("-n", namespace, "link", "set", "eth0", "up")
        self.machines[name] = Machine(namespace, address)
