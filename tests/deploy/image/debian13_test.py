#!/usr/bin/env python3
"""Debian 13 (oneDNN 3, GCC 14): compiles everything and runs the unit tests there, then builds the
image and starts it. Prints the image's size.

Skips, with one line, where images cannot be built.
"""

import sys
import unittest
from pathlib import Path

import containers

SOURCES = Path(__file__).resolve().parents[3]
TAG = "localhost/siskin:debian13"


class Debian13Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.store = containers.Containers(SOURCES / "build/image-test")
        cls.addClassCleanup(cls.store.close)
        cls.base = f"--build-arg=BASE={cls.store.base('trixie')}"

    def test_unit_tests_pass(self) -> None:
        self.store.build(SOURCES, f"{TAG}-unit-tests", "--target=unit-tests", self.base)

    def test_the_image_serves(self) -> None:
        self.store.build(SOURCES, TAG, "--target=siskin", self.base)
        files = containers.files(self.store.root(TAG))
        unpacked = sum(path.stat().st_size for path in files.values())
        compressed = self.store.compressed_bytes(TAG)
        print(f"{unpacked / 1e6:.2f} MB in {len(files)} files; {compressed / 1e6:.2f} MB compressed")
        container = self.store.start(TAG, "serve")
        self.addCleanup(container.remove)
        container.wait_until_healthy()
        self.assertEqual(container.stop(), 0, container.log())


if __name__ == "__main__":
    if reason := containers.missing():
        print(f"debian13_test skipped: {reason}")
        sys.exit(0)
    unittest.main(verbosity=2)
