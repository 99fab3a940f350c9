"""Traffic of every kind, so that no panel stays empty: good requests, too many, wrong ones, and hurried ones."""

import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import support
from siskin_process import Server

# Of the server: few requests may be in flight, so that a burst meets refusals, and batches wait for company.
LIMITS = ["--max-in-flight", "4", "--max-delay-us", "2000"]
PHOTO = str(support.SOURCE / "models" / "builtin" / "samples" / "dress.jpg")
NOT_A_PHOTO = str(support.SOURCE / "README.md")


def commands(binaries: Path, server: Server, model: str) -> list[list[str]]:
    load = [str(binaries / "siskin-load"), "--server", server.grpc, "--model", model, "--no-progress", "--warmup", "0"]
    classify = [str(binaries / "siskin"), "classify", "--server", server.grpc]
    return [
        [*load, "--payload", "image", "--image", PHOTO, "--concurrency", "3", "--duration", "8"],
        [*load, "--concurrency", "8", "--duration", "2"],
        [*load, "--concurrency", "3", "--duration", "0.5", "--timeout", "0.01"],
        [*classify, "--model", "no_such_model", PHOTO],
        [*classify, "--model", model, NOT_A_PHOTO],
    ]


@contextmanager
def traffic(binaries: Path, server: Server, models: list[str]) -> Iterator[None]:
    """Runs the commands in turn, over and over, until the block ends. Most of them fail, and should."""
    stop = threading.Event()

    def go_round() -> None:
        while not stop.is_set():
            for command in [command for model in models for command in commands(binaries, server, model)]:
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
                if stop.is_set():
                    return

    thread = threading.Thread(target=go_round)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
