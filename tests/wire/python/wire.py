"""What the tests share: a running server, channels to it, sample photos, error details."""

import csv
import os
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.request
import zlib

import error_details_pb2
import grpc
import status_pb2

BINARY = os.environ["SISKIN_BINARY"]
SOURCE = os.environ["SISKIN_SOURCE_DIR"]
MODELS = os.path.join(os.environ["SISKIN_SHARED_DIR"], "models")
LINK_SCRIPT = os.path.join(SOURCE, "deploy", "repository", "link.sh")
# With the shared models the server serves them, without it serves one that knows nothing.
HAVE_MODELS = os.path.isdir(MODELS)
CLASSIFIERS = ["mobilenet_v1", "mobilenet_v1_025", "mobilenet_v2",
               "mobilenet_v3_small", "shufflenet_v1_g8"]
MODEL = "mobilenet_v2"
SIZE = 224
CLASSES = 1000
TIMEOUT = 60  # seconds; of calls that are expected to end


class Server:
    """`siskin serve` on free ports of the loopback, from the first ready line to the exit code."""

    def __init__(self, *flags, models=True, repository=None):
        self._repository = None
        ports = ["--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        command = [BINARY, "serve", "--log-level", "error", *ports, *flags]
        if repository is not None:
            command += ["--repository", repository]
        elif models and HAVE_MODELS:
            self._repository = tempfile.TemporaryDirectory()
            subprocess.run(
                ["bash", LINK_SCRIPT, MODELS, self._repository.name],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            command += ["--repository", self._repository.name]
        else:
            command += ["--random-model", MODEL]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline().split()
        if not line or line[0] != "listening":
            raise RuntimeError(f"the server did not start: {line}")
        self.grpc, self.admin = (word.split("=", 1)[1] for word in line[1:])

    def channel(self):
        return grpc.insecure_channel(self.grpc, [("grpc.use_local_subchannel_pool", 1)])

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=TIMEOUT) as answer:
            return answer.read().decode()

    def metric(self, name):
        """The sum of the samples of a metric."""
        lines = (line for line in self.get("/metrics").splitlines() if not line.startswith("#"))
        samples = (line for line in lines if line.split("{")[0].split(" ")[0] == name)
        return sum(float(sample.rsplit(" ", 1)[1]) for sample in samples)

    def terminate(self):
        self._process.send_signal(signal.SIGTERM)

    def wait(self):
        return self._process.wait(TIMEOUT)

    def stop(self):
        """Ends it, whatever happened, and returns the exit code."""
        if self._process.poll() is None:
            self.terminate()
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._process.stdout.close()
        if self._repository:
            self._repository.cleanup()
        return code


class ServerTest(unittest.TestCase):
    """One server for all tests of a class; it must still be healthy after the last one."""

    FLAGS = []
    MODELS = True  # False: random weights will do, and are there at once

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.FLAGS, models=cls.MODELS)
        cls.channel = cls.server.channel()

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        code = cls.server.stop()
        if code != 0:
            raise AssertionError(f"the server ended with code {code}")

    def assert_fails(self, code, call, contains=""):
        """Calls and expects a status with the standard details; returns the error."""
        with self.assertRaises(grpc.RpcError) as context:
            call()
        error = context.exception
        self.assertEqual(error.code(), code, error.details())
        self.assertIn(contains, error.details())
        info, _ = details_of(error)
        self.assertEqual((info.reason, info.domain), (code.name, "siskin"))
        return error


def eventually(condition):
    """Asks until it is true, which must be before TIMEOUT."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {TIMEOUT} s")


def details_of(error):
    """The ErrorInfo and the RetryInfo (or None) of a failed call."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info, retry = error_details_pb2.ErrorInfo(), None
    status.details[0].Unpack(info)
    if len(status.details) > 1:
        retry = error_details_pb2.RetryInfo()
        status.details[1].Unpack(retry)
    return info, retry


def sample_photos():
    """(file name, class index, class name, models that get it right) of the photos with a class."""
    with open(os.path.join(MODELS, "images", "labels.csv"), newline="") as file:
        for row in csv.DictReader(file):
            if row["class_index"]:
                index, right = int(row["class_index"]), row["top1_correct"].split()
                yield row["file"], index, row["class_name"], right


def face_counts(column):
    """(file name, number of faces) of every sample photo; column: faces_front or faces_back."""
    with open(os.path.join(MODELS, "images", "labels.csv"), newline="") as file:
        for row in csv.DictReader(file):
            yield row["file"], int(row[column])


def read_photo(name):
    with open(os.path.join(MODELS, "images", name), "rb") as file:
        return file.read()


def png(width, height, claimed=None):
    """A PNG of one colour; its header may claim another size."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", *(claimed or (width, height)), 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x40\x80\xc0" * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
