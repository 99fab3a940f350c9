"""siskin-load, as a program, against a real server with random weights."""

import json
import os
import socket
import subprocess
import sys
import unittest
from pathlib import Path

BIN = Path(os.environ["SISKIN_BIN"])
sys.path.insert(0, os.environ["SISKIN_LOADTEST_DIR"])

import siskin_process  # noqa: E402

MODEL = "mobilenet_v1_0.25_128"


def siskin_load(*options: str) -> subprocess.CompletedProcess:
    command = [str(BIN / "siskin-load"), "--no-progress", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def unused_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


class AgainstServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        server = siskin_process.Server(BIN / "siskin", ["--random-model", MODEL, "--lanes", "1"])
        cls.server = cls.enterClassContext(server)

    def run_json(self, *options: str) -> dict:
        short = ["--warmup", "0.1", "--duration", "1", "--concurrency", "4", "--json"]
        done = siskin_load("--server", self.server.grpc, *short, *options)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return json.loads(done.stdout)

    def test_fp32(self) -> None:
        report = self.run_json("--admin", self.server.admin)
        self.assertEqual(report["schema"], 1)
        self.assertEqual(report["config"]["shape"], [3, 128, 128])
        self.assertGreater(report["requests"], 0)
        self.assertEqual(report["errors"], {})
        self.assertEqual(report["mismatches"], 0)
        self.assertAlmostEqual(
            report["throughput"], report["requests"] / report["seconds"], delta=0.01
        )
        latency = report["latency_ms"]
        ordered = [latency[name] for name in ("p50", "p90", "p99", "max")]
        self.assertEqual(ordered, sorted(ordered))
        self.assertGreater(latency["mean"], 0)
        self.assertGreater(report["client_cpu_seconds"], 0)
        server = report["server"]
        self.assertGreater(server["compute_ms_mean"], 0)
        self.assertLess(server["compute_ms_mean"], latency["max"])
        self.assertGreaterEqual(server["batch_size_mean"], 1)
        self.assertGreater(server["cpu_seconds"], 0)

    def test_uint8(self) -> None:
        self.assertGreater(self.run_json("--payload", "uint8")["requests"], 0)

    def test_stream(self) -> None:
        self.assertGreater(self.run_json("--stream")["requests"], 0)

    def test_exact_number_of_requests(self) -> None:
        options = ["--server", self.server.grpc, "--requests", "25", "--warmup", "0", "--json"]
        done = siskin_load(*options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["requests"], 25)

    def test_text_report(self) -> None:
        done = siskin_load("--server", self.server.grpc, "--requests", "5", "--warmup", "0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("requests    5 in ", done.stdout)
        self.assertIn("errors      none", done.stdout)

    def test_wrong_shape_is_counted_by_code(self) -> None:
        options = ["--server", self.server.grpc, "--shape", "3,8,8", "--requests", "5"]
        done = siskin_load(*options, "--warmup", "0", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(list(report["errors"]), ["INVALID_ARGUMENT"])
        self.assertGreaterEqual(report["errors"]["INVALID_ARGUMENT"], 5)
        self.assertEqual(report["throughput"], 0)

    def test_unknown_model(self) -> None:
        done = siskin_load("--server", self.server.grpc, "--model", "no_such_model")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no_such_model", done.stderr)


class WithoutServer(unittest.TestCase):
    def test_unreachable_server(self) -> None:
        address = unused_address()
        done = siskin_load("--server", address, "--timeout", "0.3")
        self.assertEqual(done.returncode, 4)
        self.assertIn(address, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_usage(self) -> None:
        self.assertEqual(siskin_load("--concurrency", "none").returncode, 2)
        self.assertEqual(siskin_load("--payload", "image").returncode, 2)
        self.assertEqual(siskin_load("--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
