"""Health, reflection, metrics, overload and the end."""

import threading
import unittest
import urllib.error

import grpc
import health_pb2
import health_pb2_grpc
import wire
from google.protobuf import descriptor_pb2
from siskin.v1 import classifier_pb2 as pb
from siskin.v1 import classifier_pb2_grpc as pb_grpc
from siskin.v1.common_pb2 import Tensor

Code = grpc.StatusCode
Status = health_pb2.HealthCheckResponse


def grey():
    shape = [wire.SIZE, wire.SIZE, 3]
    data = b"\x80" * (wire.SIZE * wire.SIZE * 3)
    return pb.ClassifyRequest(
        model=wire.MODEL, tensor=Tensor(data_type=Tensor.UINT8, shape=shape, data=data)
    )


def fields(message):
    """(number, bytes) of the length-delimited fields of a serialized message."""
    def varint(at):
        value = shift = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 0x80:
                return value, at

    at = 0
    while at < len(message):
        tag, at = varint(at)
        value, at = varint(at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + value]
            at += value


class HealthTest(wire.ServerTest):
    MODELS = False

    def setUp(self):
        self.stub = health_pb2_grpc.HealthStub(self.channel)

    def check(self, name):
        return self.stub.Check(health_pb2.HealthCheckRequest(service=name)).status

    def test_check(self):
        for name in ("", "liveness", "readiness", wire.MODEL):
            self.assertEqual(self.check(name), Status.SERVING, name)

    def test_check_of_an_unknown_name(self):
        with self.assertRaises(grpc.RpcError) as context:
            self.check("nobody")
        self.assertEqual(context.exception.code(), Code.NOT_FOUND)

    def test_watch(self):
        for name, status in (("", Status.SERVING), ("nobody", Status.SERVICE_UNKNOWN)):
            watch = self.stub.Watch(health_pb2.HealthCheckRequest(service=name))
            self.assertEqual(next(watch).status, status)
            watch.cancel()


class ReflectionTest(wire.ServerTest):
    """By hand: Debian has no Python package of the reflection messages."""

    MODELS = False

    def reflect(self, number, text):
        call = self.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        request = bytes([number << 3 | 2, len(text)]) + text.encode()
        (answer,) = call(iter([request]), timeout=wire.TIMEOUT)
        return dict(fields(answer))

    def test_lists_the_services(self):
        answer = self.reflect(7, "*")[6]  # list_services_response
        names = {dict(fields(service))[1].decode() for _, service in fields(answer)}
        self.assertLessEqual(
            {
                "siskin.v1.Classifier",
                "inference.GRPCInferenceService",
                "grpc.reflection.v1alpha.ServerReflection",
            },
            names,
        )

    def test_describes_a_service(self):
        answer = self.reflect(4, "siskin.v1.Classifier")[4]  # file_descriptor_response
        files = [
            descriptor_pb2.FileDescriptorProto.FromString(file) for _, file in fields(answer)
        ]
        methods = [m.name for f in files for s in f.service for m in s.method]
        self.assertEqual(methods, ["Classify", "ClassifyStream"])


class MetricsTest(wire.ServerTest):
    MODELS = False

    def test_requests_and_errors_are_counted(self):
        stub = pb_grpc.ClassifierStub(self.channel)
        for _ in range(3):
            stub.Classify(grey(), timeout=wire.TIMEOUT)
        for _ in range(2):
            with self.assertRaises(grpc.RpcError):
                stub.Classify(pb.ClassifyRequest(model=wire.MODEL), timeout=wire.TIMEOUT)
        # An answer is counted a moment after the client has it.
        wire.eventually(lambda: self.server.metric("siskin_requests_total") == 5)
        text = self.server.get("/metrics")
        for code, count in (("OK", 3), ("INVALID_ARGUMENT", 2)):
            (sample,) = (
                line
                for line in text.splitlines()
                if line.startswith("siskin_requests_total{")
                and f'model="{wire.MODEL}"' in line
                and 'method="Classify"' in line
                and f'code="{code}"' in line
            )
            self.assertEqual(float(sample.rsplit(" ", 1)[1]), count)
        self.assertEqual(self.server.metric("siskin_requests_in_flight"), 0)


# Requests wait a second for company that does not come: long enough to do something to them.
HOLD = ["--max-batch-size", "8", "--max-delay-us", "1000000", "--lanes", "1"]


class OverloadTest(wire.ServerTest):
    MODELS = False
    FLAGS = [*HOLD, "--max-in-flight", "2"]

    def test_over_the_limit_is_resource_exhausted_with_a_retry_delay(self):
        stub = pb_grpc.ClassifierStub(self.channel)
        calls = [stub.Classify.future(grey(), timeout=wire.TIMEOUT) for _ in range(8)]
        refused = [call.exception() for call in calls if call.exception() is not None]
        self.assertGreaterEqual(len(refused), 1)
        self.assertLess(len(refused), 8)
        for error in refused:
            self.assertEqual(error.code(), Code.RESOURCE_EXHAUSTED)
            info, retry = wire.details_of(error)
            self.assertEqual(info.reason, "RESOURCE_EXHAUSTED")
            self.assertGreater(retry.retry_delay.ToMilliseconds(), 0)
            # What the retry policies of gRPC's own clients go by.
            trailers = dict(error.trailing_metadata())
            self.assertEqual(
                int(trailers["grpc-retry-pushback-ms"]), retry.retry_delay.ToMilliseconds()
            )


class CancelWhileQueuedTest(wire.ServerTest):
    MODELS = False
    FLAGS = HOLD

    def cancelled_before_the_batch(self):
        """Cancels a call that waits; false if that took longer than the call had to wait."""
        answered, batches = (
            self.server.metric(name) for name in ("siskin_requests_total", "siskin_batches_total")
        )
        stub = pb_grpc.ClassifierStub(self.channel)
        call = stub.Classify.future(grey(), timeout=wire.TIMEOUT)
        wire.eventually(lambda: self.server.metric("siskin_requests_in_flight") == 1)
        call.cancel()
        wire.eventually(lambda: self.server.metric("siskin_requests_total") > answered)
        return self.server.metric("siskin_batches_total") == batches

    def test_a_cancelled_call_leaves_the_queue_without_being_computed(self):
        self.assertTrue(any(self.cancelled_before_the_batch() for _ in range(5)))
        self.assertRegex(
            self.server.get("/metrics"), r'siskin_requests_total\{.*code="CANCELLED".*\} [1-9]'
        )
        self.assertEqual(self.server.metric("siskin_requests_in_flight"), 0)


class DrainTest(unittest.TestCase):
    def setUp(self):
        # Nothing here may need the timeout.
        self.server = wire.Server(*HOLD, "--drain-timeout", "600", models=False)
        self.addCleanup(self.server.stop)

    def test_sigterm_answers_what_is_in_flight_and_exits_with_0(self):
        with self.server.channel() as channel:
            stub = pb_grpc.ClassifierStub(channel)
            calls = [stub.Classify.future(grey(), timeout=wire.TIMEOUT) for _ in range(5)]
            wire.eventually(
                lambda: self.server.metric("siskin_requests_in_flight") == len(calls)
            )
            self.server.terminate()
            for call in calls:
                self.assertEqual(len(call.result().classifications), 5)
        self.assertEqual(self.server.wait(), 0)
        with self.server.channel() as channel, self.assertRaises(grpc.RpcError) as context:
            pb_grpc.ClassifierStub(channel).Classify(grey(), timeout=wire.TIMEOUT)
        self.assertEqual(context.exception.code(), Code.UNAVAILABLE)
        with self.assertRaises(urllib.error.URLError):
            self.server.get("/healthz")

    def test_an_open_stream_is_answered_and_ended(self):
        with self.server.channel() as channel:
            ended = threading.Event()

            def questions():
                yield grey()
                ended.wait(wire.TIMEOUT)

            stream = pb_grpc.ClassifierStub(channel).ClassifyStream(questions())
            self.assertEqual(len(next(stream).response.classifications), 5)
            self.server.terminate()
            with self.assertRaises(grpc.RpcError) as context:
                next(stream)
            ended.set()
            self.assertEqual(context.exception.code(), Code.UNAVAILABLE)
            self.assertEqual(wire.details_of(context.exception)[0].reason, "UNAVAILABLE")
            self.assertEqual(self.server.wait(), 0)

    def test_watchers_hear_of_the_drain_and_do_not_hold_it_up(self):
        with self.server.channel() as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"))
            self.assertEqual(next(watch).status, Status.SERVING)
            self.server.terminate()
            self.assertEqual(next(watch).status, Status.NOT_SERVING)
            self.assertEqual(self.server.wait(), 0)
