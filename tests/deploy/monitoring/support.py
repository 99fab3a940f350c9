"""What the tests of deploy/prometheus and deploy/grafana share: files, expressions, a live Prometheus."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Iterator

SOURCE = Path(__file__).resolve().parents[3]
PROMETHEUS = SOURCE / "deploy" / "prometheus"
GRAFANA = SOURCE / "deploy" / "grafana"
RULES = sorted(PROMETHEUS.glob("rules/*.yml"))
OPERATING = SOURCE / "docs" / "operating.md"
sys.path[:0] = [str(GRAFANA), str(SOURCE / "loadtest")]

START_TIMEOUT_SECONDS = 60.0

# A metric of ours, of the process, or recorded by a rule.
METRIC = re.compile(r"\b(?:siskin|process)_\w+|\b(?:model|instance|siskin):\w+(?::\w+)?")
# Absent without a cgroup quota or limit, or on a kernel without pressure stall information.
OPTIONAL_METRIC = re.compile(r"siskin_(?:cgroup|pressure)_")


def run_tests(needs: list[str]) -> None:
    """Runs the tests of the calling script; exits with 77, which ctest counts as skipped, if a program is missing."""
    for program in needs:
        if shutil.which(program) is None:
            print(f"skipped: needs {program}; see scripts/install-debian.sh")
            sys.exit(77)
    unittest.main(verbosity=2)


def run(*command: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def dashboards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(GRAFANA.glob("dashboards/*.json"))}


def fill_in(expr: str) -> str:
    """An expression as Grafana would send it with everything selected."""
    expr = expr.replace("$__rate_interval", "15s")
    return re.sub(r"\$(job|instance|model)\b", ".*", expr)


def expressions(document: Any) -> Iterator[str]:
    """Every `expr` in a dashboard or in a file of rules."""
    if isinstance(document, dict):
        if isinstance(document.get("expr"), str):
            yield document["expr"]
        for value in document.values():
            yield from expressions(value)
    elif isinstance(document, list):
        for value in document:
            yield from expressions(value)


def get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{url}: {error} {error.read().decode()}") from error


class Prometheus:
    """A Prometheus with our configuration, once a second, over the server at `target`; a context manager."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        (folder / "rules").mkdir()
        for path in RULES:
            text = path.read_text().replace("interval: 2m", "interval: 1s")
            (folder / "rules" / path.name).write_text(text)
        text = (PROMETHEUS / "prometheus.yml").read_text()
        for ours, here in {"15s": "1s", "siskin:8002": target, "localhost:9090": self.address}.items():
            if ours not in text:
                raise AssertionError(f"prometheus.yml no longer has {ours}")
            text = text.replace(ours, here)
        (folder / "prometheus.yml").write_text(text)

    def __enter__(self) -> "Prometheus":
        self._log = open(self.folder / "prometheus.log", "w", encoding="utf-8")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={self.folder}/prometheus.yml",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address={self.address}",
                f"--web.console.templates={PROMETHEUS}/consoles",
                f"--web.console.libraries={PROMETHEUS}/consoles",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise AssertionError("Prometheus did not start:\n" + (self.folder / "prometheus.log").read_text())
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def api(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        return json.loads(get(f"http://{self.address}/api/v1/{path}?{query}"))["data"]

    def values(self, expr: str) -> list[float]:
        result = self.api("query", query=expr)
        return [float(sample["value"][1]) for sample in result["result"]]

    def page(self, path: str) -> str:
        return get(f"http://{self.address}{path}")
