"""Runs every test of this folder; exits with 77, which ctest counts as skipped, if it cannot."""

import os
import shutil
import subprocess
import sys
import unittest
import uuid
from pathlib import Path


def missing() -> str | None:
    for tool in ("ip", "haproxy", "nginx"):
        if shutil.which(tool) is None:
            return f"{tool}; scripts/install-debian.sh installs it"
    try:
        import grpc  # noqa: F401
    except ImportError as error:
        return f"python3-grpcio: {error}"
    for binary in ("siskin", "siskin-load"):
        if not (Path(os.environ["SISKIN_BIN"]) / binary).exists():
            return f"{binary}: build it"
    name = f"siskin-{uuid.uuid4().hex[:8]}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return "the right to make network namespaces (root)"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


if __name__ == "__main__":
    if reason := missing():
        print(f"skipped: needs {reason}")
        sys.exit(77)
    here = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.defaultTestLoader.discover(here, pattern="*_test.py")
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)
