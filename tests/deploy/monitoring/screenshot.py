#!/usr/bin/env python3
"""Takes docs/images/console.png: the console of a Prometheus that scrapes a server under load, in headless Chromium.

`make screenshot` runs it.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import support
from siskin_process import Server
from traffic import traffic

MODELS = ["mobilenet_v3_small", "mobilenet_v2"]  # of the sample repository; without one only the first
HISTORY_SECONDS = 120
WIDTH, HEIGHT = 1280, 1600


def take(url: str, image: Path) -> None:
    with tempfile.TemporaryDirectory() as profile:
        done = support.run(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=3000", f"--screenshot={image}", url,
        )
    if done.returncode != 0 or not image.exists():
        sys.exit(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, type=Path, help="folder of siskin and siskin-load")
    parser.add_argument("--repository", help="the sample models, see deploy/repository/link.sh")
    parser.add_argument("image", type=Path)
    arguments = parser.parse_args()

    os.environ["TZ"] = "UTC"
    models = MODELS if arguments.repository else MODELS[:1]
    source = ["--repository", arguments.repository] if arguments.repository else ["--random-model", models[0]]
    with (
        Server(arguments.bin / "siskin", source) as server,
        tempfile.TemporaryDirectory() as folder,
        support.Prometheus(Path(folder), server.admin) as prometheus,
        traffic(arguments.bin, server, models),
    ):
        time.sleep(HISTORY_SECONDS)  # for the curves
        take(f"http://{prometheus.address}/consoles/siskin.html?range={HISTORY_SECONDS}", arguments.image.resolve())
    print(f"wrote {arguments.image}")


if __name__ == "__main__":
    main()
