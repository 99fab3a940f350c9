"""Triton's priorities, queue sizes and timeouts, set by its block in model.textproto."""

import os
import shutil
import tempfile

import grpc
import wire
from inference import grpc_service_pb2 as pb
from inference import grpc_service_pb2_grpc as pb_grpc

Code = grpc.StatusCode
BUILTIN = os.path.join(wire.SOURCE, "models", "builtin", "clothing")
SIDE = 128
HOUR_US = 3_600_000_000

# Level 1 is the default; it and 3 have no limits, 2 holds one image, in 4 images wait for an hour.
BLOCK = f"""
dynamic_batching {{
  max_queue_delay_microseconds: 1000000
  priority_levels: 4
  default_priority_level: 1
  priority_queue_policy {{ key: 2 value {{ max_queue_size: 1 }} }}
  priority_queue_policy {{
    key: 4
    value {{ default_timeout_microseconds: {HOUR_US} allow_timeout_override: true }}
  }}
}}
"""


class QueuePolicyTest(wire.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.repository = tempfile.TemporaryDirectory()
        # "held": a batch of eight is waited for. "free": nothing is.
        for name, block in (("held", BLOCK), ("free", BLOCK.replace("1000000", "0"))):
            version = os.path.join(cls.repository.name, name, "1")
            os.makedirs(version)
            shutil.copy(os.path.join(BUILTIN, "model.safetensors"), version)
            with open(os.path.join(BUILTIN, "model.textproto"), encoding="utf-8") as config:
                text = config.read()
            with open(os.path.join(version, "..", "model.textproto"), "w", encoding="utf-8") as out:
                out.write(text + block)
        cls.server = wire.Server("--lanes", "1", repository=cls.repository.name)
        cls.channel = cls.server.channel()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.repository.cleanup()

    def setUp(self):
        self.stub = pb_grpc.GRPCInferenceServiceStub(self.channel)

    def request(self, model, images=1, **parameters):
        tensor = pb.ModelInferRequest.InferInputTensor(
            name="input", datatype="UINT8", shape=[images, SIDE, SIDE, 3]
        )
        return pb.ModelInferRequest(
            model_name=model,
            parameters=parameters,
            inputs=[tensor],
            raw_input_contents=[b"\x80" * (images * SIDE * SIDE * 3)],
        )

    def infer(self, *args, **kwargs):
        return self.stub.ModelInfer(self.request(*args, **kwargs), timeout=wire.TIMEOUT)

    def test_the_priority_chooses_the_level(self):
        low = pb.InferParameter(uint64_param=2)
        self.infer("free", priority=low)
        self.infer("free", images=2)
        self.infer("free", images=2, priority=pb.InferParameter(uint64_param=3))
        self.infer("free", images=2, priority=pb.InferParameter(uint64_param=5))  # the default
        for priority in (low, pb.InferParameter(int64_param=2)):
            self.assert_fails(
                Code.INVALID_ARGUMENT,
                lambda: self.infer("free", images=2, priority=priority),
                "the model's queue holds 1 at most",
            )

    def test_a_full_level_is_unavailable(self):
        request = self.request("held", priority=pb.InferParameter(uint64_param=2))
        calls = [self.stub.ModelInfer.future(request, timeout=wire.TIMEOUT) for _ in range(8)]
        refused = [call for call in calls if call.exception() is not None]
        self.assertGreaterEqual(len(refused), 1)
        self.assertLess(len(refused), 8)
        for call in refused:
            self.assertEqual(call.code(), Code.UNAVAILABLE)
            self.assertEqual(call.details(), "Exceeds maximum queue size")
            _, retry = wire.details_of(call)
            self.assertIsNotNone(retry)

    def test_a_timeout_that_expires_is_unavailable(self):
        level = pb.InferParameter(uint64_param=4)
        self.infer("free", priority=level)
        # Longer than the default, which holds then.
        self.infer("free", priority=level, timeout=pb.InferParameter(int64_param=2 * HOUR_US))
        # No lane takes anything within a microsecond, or it does so once in a while.
        hurried = self.request("free", priority=level, timeout=pb.InferParameter(int64_param=1))

        def expired():
            call = self.stub.ModelInfer.future(hurried, timeout=wire.TIMEOUT)
            if call.exception() is None:
                return False
            self.assertEqual(call.code(), Code.UNAVAILABLE)
            self.assertEqual(call.details(), "Request timeout expired")
            return True

        wire.eventually(expired)

    def test_a_level_without_a_timeout_takes_none_from_the_request(self):
        for _ in range(20):
            self.infer("free", timeout=pb.InferParameter(int64_param=1))

    def test_parameters_of_another_type_are_refused(self):
        text = pb.InferParameter(string_param="1")
        for name in ("priority", "timeout"):
            with self.subTest(name):
                self.assert_fails(
                    Code.INVALID_ARGUMENT, lambda: self.infer("free", **{name: text}), f"'{name}'"
                )
