"""Traffic of every kind, so that no panel stays empty: good requests, too many, wrong ones, and hurried ones."""

import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import support
from siskin_process import Server

MODEL = "mobilenet_v3_small"
# Few requests may be in flight, so that a burst meets refusals. Batches wait a little, so that some are larger than 1.
SERVER_OPTIONS = ["--random-model", MODEL, "--max-in-flight", "4", "--max-delay-us", "2000"]
PHOTO = str(support.SOURCE / "docs" / "images" / "sample.png")
NOT_A_PHOTO = str(support.SOURCE / "README.md")


def commands(binaries: Path, server: Server) -> list[list[str]]:
    load = [str(binaries / "siskin-load"), "--server", server.grpc, "--no-progress", "--warmup", "0", "--duration", "5"]
    classify = [str(binaries / "siskin"), "classify", "--server", server.grpc]
    return [
        [*load, "--payload", "image", "--image", PHOTO, "--concurrency", "3"],
        [*load, "--concurrency", "8"],
        [*load, "--concurrency", "3", "--timeout", "0.01", "--duration", "1"],
        [*classify, "--model", "no_such_model", PHOTO],
        [*classify, "--model", MODEL, NOT_A_PHOTO],
    ]


@contextmanager
def traffic(binaries: Path, server: Server) -> Iterator[None]:
    """Runs the commands in turn, over and over, until the block ends. Most of them fail, and should."""
    stop = threading.Event()

    def go_round() -> None:
        while not stop.is_set():
            for command in commands(binaries, server):
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
