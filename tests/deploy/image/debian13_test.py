#!/usr/bin/env python3
"""Compiles everything on Debian 13 (oneDNN 3, GCC 14) and runs the unit tests there.

Skips, with one line, where images cannot be built.
"""

import sys
from pathlib import Path

import containers

SOURCES = Path(__file__).resolve().parents[3]

if reason := containers.missing():
    print(f"debian13_test skipped: {reason}")
    sys.exit(0)
store = containers.Containers(SOURCES / "build/image-test")
try:
    base = store.base("trixie")
    store.build(SOURCES, "localhost/siskin:debian13", "--target=unit-tests", f"--build-arg=BASE={base}")
finally:
    store.close()
