"""The Open Inference Protocol. Tests are named after tritonclient's example clients."""

import struct

import grpc
import wire
from inference import grpc_service_pb2 as pb
from inference import grpc_service_pb2_grpc as pb_grpc

Code = grpc.StatusCode
VALUES = 3 * wire.SIZE * wire.SIZE


def elements(raw):
    """The elements of a BYTES tensor."""
    out = []
    while raw:
        (length,) = struct.unpack_from("<I", raw)
        out.append(raw[4 : 4 + length])
        raw = raw[4 + length :]
    return out


def bytes_tensor(*items):
    return b"".join(struct.pack("<I", len(item)) + item for item in items)


def floats(raw):
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def ramp():
    """Some values that are no constant."""
    return [((i * 37) % 255) / 127.5 - 1 for i in range(VALUES)]


class InferenceProtocolTest(wire.ServerTest):
    def setUp(self):
        self.stub = pb_grpc.GRPCInferenceServiceStub(self.channel)

    def request(self, datatype, shape, raw=None, outputs=(), **contents):
        tensor = pb.ModelInferRequest.InferInputTensor(
            name="input", datatype=datatype, shape=shape
        )
        if contents:
            tensor.contents.CopyFrom(pb.InferTensorContents(**contents))
        return pb.ModelInferRequest(
            model_name=wire.MODEL,
            id="my request",
            inputs=[tensor],
            outputs=outputs,
            raw_input_contents=[] if raw is None else [raw],
        )

    def infer(self, *args, **kwargs):
        return self.stub.ModelInfer(self.request(*args, **kwargs), timeout=wire.TIMEOUT)

    def classification(self, output, k):
        return pb.ModelInferRequest.InferRequestedOutputTensor(
            name=output, parameters={"classification": pb.InferParameter(int64_param=k)}
        )

    def raw_ramp(self):
        return struct.pack(f"<{VALUES}f", *ramp())

    def test_simple_grpc_health_metadata(self):
        self.assertTrue(self.stub.ServerLive(pb.ServerLiveRequest()).live)
        self.assertTrue(self.stub.ServerReady(pb.ServerReadyRequest()).ready)
        self.assertTrue(self.stub.ModelReady(pb.ModelReadyRequest(name=wire.MODEL)).ready)
        self.assertFalse(self.stub.ModelReady(pb.ModelReadyRequest(name="wrong")).ready)

        server = self.stub.ServerMetadata(pb.ServerMetadataRequest())
        self.assertEqual(server.name, "siskin")
        self.assertIn("classification", server.extensions)
        model = self.stub.ModelMetadata(pb.ModelMetadataRequest(name=wire.MODEL))
        self.assertEqual((model.name, list(model.versions)), (wire.MODEL, ["1"]))
        self.assertEqual(
            [(t.name, t.datatype, list(t.shape)) for t in [*model.inputs, *model.outputs]],
            [
                ("input", "FP32", [-1, 3, wire.SIZE, wire.SIZE]),
                ("logits", "FP32", [-1, wire.CLASSES]),
                ("probabilities", "FP32", [-1, wire.CLASSES]),
            ],
        )
        self.assert_fails(
            Code.NOT_FOUND,
            lambda: self.stub.ModelMetadata(pb.ModelMetadataRequest(name="wrong")),
            "Request for unknown model: 'wrong' is not found",
        )

    def test_simple_grpc_infer(self):
        answer = self.infer("FP32", [1, 3, wire.SIZE, wire.SIZE], self.raw_ramp())
        self.assertEqual((answer.model_name, answer.model_version), (wire.MODEL, "1"))
        self.assertEqual(answer.id, "my request")
        self.assertEqual([o.name for o in answer.outputs], ["logits", "probabilities"])
        self.assertTrue(all(list(o.shape) == [1, wire.CLASSES] for o in answer.outputs))
        logits, probabilities = map(floats, answer.raw_output_contents)
        self.assertEqual(len(logits), wire.CLASSES)
        self.assertAlmostEqual(sum(probabilities), 1, places=4)
        self.assertEqual(
            logits.index(max(logits)), probabilities.index(max(probabilities))
        )
        self.assertGreater(answer.parameters["compute_us"].int64_param, 0)
        self.assertGreaterEqual(answer.parameters["queue_us"].int64_param, 0)
        self.assertGreaterEqual(answer.parameters["decode_us"].int64_param, 0)
        self.assertGreaterEqual(answer.parameters["batch_size"].int64_param, 1)

    def test_grpc_explicit_float_content(self):
        shape = [1, 3, wire.SIZE, wire.SIZE]
        raw = self.infer("FP32", shape, self.raw_ramp())
        typed = self.infer("FP32", shape, fp32_contents=ramp())
        self.assertEqual(typed.raw_output_contents, raw.raw_output_contents)

    def test_grpc_explicit_int8_content(self):
        # The same grey pixels: raw and typed, planes and interleaved.
        grey = b"\x50" * VALUES
        planes = self.infer("UINT8", [1, 3, wire.SIZE, wire.SIZE], grey)
        rows = self.infer("UINT8", [1, wire.SIZE, wire.SIZE, 3], grey)
        typed = self.infer("UINT8", [1, 3, wire.SIZE, wire.SIZE], uint_contents=list(grey))
        self.assertEqual(rows.raw_output_contents, planes.raw_output_contents)
        self.assertEqual(typed.raw_output_contents, planes.raw_output_contents)
        self.assert_fails(
            Code.INVALID_ARGUMENT,
            lambda: self.infer(
                "UINT8", [1, 3, wire.SIZE, wire.SIZE], uint_contents=[256] * VALUES
            ),
            "256",
        )

    def test_grpc_explicit_byte_content(self):
        photo = wire.png(300, 200)
        raw = self.infer("BYTES", [2, 1], bytes_tensor(photo, photo))
        typed = self.infer("BYTES", [1], bytes_contents=[photo])
        self.assertEqual(list(raw.outputs[0].shape), [2, wire.CLASSES])
        both = floats(raw.raw_output_contents[0])
        one = floats(typed.raw_output_contents[0])
        for offset in (0, wire.CLASSES):
            for a, b in zip(both[offset : offset + wire.CLASSES], one):
                self.assertAlmostEqual(a, b, delta=1e-3)

    def test_grpc_image_client(self):
        if not wire.HAVE_MODELS:
            self.skipTest("needs the shared models")
        outputs = [self.classification("probabilities", 3)]
        photos = [photo for photo in wire.sample_photos() if wire.MODEL in photo[3]]
        answer = self.infer(
            "BYTES",
            [len(photos)],
            bytes_tensor(*(wire.read_photo(photo[0]) for photo in photos)),
            outputs,
        )
        (output,) = answer.outputs
        self.assertEqual((output.datatype, list(output.shape)), ("BYTES", [len(photos), 3]))
        items = [item.decode().split(":") for item in elements(answer.raw_output_contents[0])]
        best = [(int(item[1]), item[2].split(",")[0]) for item in items[::3]]
        self.assertEqual(best, [(index, name) for _, index, name, _ in photos])
        self.assertTrue(all(0 <= float(item[0]) <= 1 for item in items))

    def test_class_count(self):
        outputs = [self.classification("logits", 10**6)]
        answer = self.infer(
            "UINT8", [1, 3, wire.SIZE, wire.SIZE], b"\0" * VALUES, outputs
        )
        self.assertEqual(list(answer.outputs[0].shape), [1, wire.CLASSES])
        items = elements(answer.raw_output_contents[0])
        values = [float(item.split(b":")[0]) for item in items]
        self.assertEqual(values, sorted(values, reverse=True))
        self.assertEqual(len({item.split(b":")[1] for item in items}), wire.CLASSES)

    def test_input_validation(self):
        raw = self.raw_ramp()
        good = [1, 3, wire.SIZE, wire.SIZE]
        rows = [
            ("unknown type", self.request("INT64", good, raw), "data-type is 'INT64'"),
            ("no data", self.request("FP32", good), "unable to find data for input tensor"),
            (
                "raw and typed",
                self.request("FP32", good, raw, fp32_contents=[1]),
                "contents field must not be specified when using raw_input_contents",
            ),
            ("short", self.request("FP32", good, raw[:-1]), ""),
            ("shape", self.request("FP32", [1, 3, 7, 7], raw), ""),
            ("no images", self.request("FP32", [0, 3, 224, 224], b""), ""),
            ("overflow", self.request("FP32", [2**62, 2**62, 2**62, 4], raw), ""),
            ("lying length", self.request("BYTES", [1], b"\xff\xff\xff\x7fx"), "unexpected end"),
            ("count", self.request("BYTES", [3], bytes_tensor(b"a")), "Expected 3, got 1"),
            ("no image", self.request("BYTES", [1], bytes_tensor(b"text")), ""),
            ("empty image", self.request("BYTES", [1], bytes_tensor(b"")), ""),
        ]
        wrong_input = self.request("FP32", good, raw)
        wrong_input.inputs[0].name = "INPUT0"
        rows.append(("input name", wrong_input, "unexpected inference input 'INPUT0'"))
        wrong_output = self.request("FP32", good, raw)
        wrong_output.outputs.add(name="OUTPUT0")
        rows.append(("output name", wrong_output, "unexpected inference output 'OUTPUT0'"))
        two_inputs = self.request("FP32", good, raw)
        two_inputs.inputs.add(name="more")
        rows.append(("two inputs", two_inputs, "expected 1 inputs but got 2 inputs"))
        for name, request, contains in rows:
            with self.subTest(name):
                self.assert_fails(
                    Code.INVALID_ARGUMENT,
                    lambda: self.stub.ModelInfer(request, timeout=wire.TIMEOUT),
                    contains,
                )
        self.infer("FP32", good, raw)

    def test_unknown_model(self):
        request = self.request("FP32", [1, 3, 224, 224], self.raw_ramp())
        request.model_name = "wrong"
        self.assert_fails(
            Code.NOT_FOUND,
            lambda: self.stub.ModelInfer(request),
            "Request for unknown model: 'wrong' is not found",
        )

    def test_other_rpcs_are_unimplemented(self):
        for method in ("ModelConfig", "ModelStatistics", "RepositoryIndex", "TraceSetting"):
            call = self.channel.unary_unary(f"/inference.GRPCInferenceService/{method}")
            with self.assertRaises(grpc.RpcError) as context:
                call(b"")
            self.assertEqual(context.exception.code(), Code.UNIMPLEMENTED)
