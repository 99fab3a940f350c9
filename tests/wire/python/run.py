"""Runs every test of this folder; exits with 77, which ctest counts as skipped, if it cannot."""

import os
import sys
import unittest


def missing():
    try:
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ImportError as error:
        return f"{error}; install python3-grpcio and python3-protobuf"
    if not os.path.exists(os.environ["SISKIN_BINARY"]):
        return f"needs {os.environ['SISKIN_BINARY']}: build the target siskin"
    return None


if __name__ == "__main__":
    if reason := missing():
        print(f"skipped: {reason}")
        sys.exit(77)
    here = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.defaultTestLoader.discover(here, pattern="*_test.py")
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)
