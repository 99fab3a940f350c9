"""siskin.v1.Classifier as a Python client sees it."""

import threading
import unittest

import grpc
import wire
from siskin.v1 import classifier_pb2 as pb
from siskin.v1 import classifier_pb2_grpc as pb_grpc
from siskin.v1.common_pb2 import Tensor

Code = grpc.StatusCode


def tensor(kind, shape, data):
    return Tensor(data_type=kind, shape=shape, data=data)


def pixels():
    """A grey image: the cheapest request that is right."""
    shape = [wire.SIZE, wire.SIZE, 3]
    return tensor(Tensor.UINT8, shape, b"\x80" * (wire.SIZE * wire.SIZE * 3))


class ClassifierTest(wire.ServerTest):
    def setUp(self):
        self.stub = pb_grpc.ClassifierStub(self.channel)

    def classify(self, **fields):
        request = pb.ClassifyRequest(**{"model": wire.MODEL, **fields})
        return self.stub.Classify(request, timeout=wire.TIMEOUT)

    @unittest.skipUnless(wire.HAVE_MODELS, "needs the shared models")
    def test_sample_photos_get_the_right_label(self):
        checked = 0
        for file, index, name, right in wire.sample_photos():
            for model in set(right) & set(wire.CLASSIFIERS):
                answer = self.classify(model=model, image=wire.read_photo(file), id=file)
                best = answer.classifications[0]
                self.assertEqual(best.index, index, f"{model} on {file}: {best.label}")
                self.assertEqual(best.label.split(",")[0], name)
                self.assertEqual((answer.model, answer.version, answer.id), (model, "1", file))
                self.assertEqual(answer.warning, "")
                checked += 1
        self.assertGreaterEqual(checked, 20)

    def test_answer_is_complete(self):
        answer = self.classify(image=wire.png(320, 240), top_k=3, id="a")
        self.assertEqual(answer.id, "a")
        self.assertEqual(len(answer.classifications), 3)
        best = [item.probability for item in answer.classifications]
        self.assertEqual(best, sorted(best, reverse=True))
        self.assertGreater(best[0], 0)
        self.assertGreaterEqual(answer.timing.batch_size, 1)
        self.assertGreater(answer.timing.compute.ToNanoseconds(), 0)
        self.assertGreater(answer.timing.decode.ToNanoseconds(), 0)

    def test_top_k(self):
        self.assertEqual(len(self.classify(tensor=pixels()).classifications), 5)
        everything = self.classify(tensor=pixels(), top_k=4_000_000_000).classifications
        self.assertEqual(len(everything), wire.CLASSES)
        self.assertAlmostEqual(sum(item.probability for item in everything), 1, places=4)

    def test_tensor_layouts_agree(self):
        size = wire.SIZE * wire.SIZE
        rgb = bytes([10, 120, 230])
        rows = tensor(Tensor.UINT8, [wire.SIZE, wire.SIZE, 3], rgb * size)
        planes = tensor(
            Tensor.UINT8,
            [1, 3, wire.SIZE, wire.SIZE],
            b"".join(rgb[i : i + 1] * size for i in range(3)),
        )
        a, b = (self.classify(tensor=t).classifications for t in (rows, planes))
        self.assertEqual(list(a), list(b))

    @unittest.skipIf(wire.HAVE_MODELS, "the shared models are trained")
    def test_random_weights_say_so(self):
        self.assertIn("random weights", self.classify(tensor=pixels()).warning)

    def test_bad_images(self):
        photo = wire.png(64, 64)
        rows = [
            ("empty", b"", Code.INVALID_ARGUMENT),
            ("no image", b"this is text, not a photo", Code.INVALID_ARGUMENT),
            ("truncated", photo[: len(photo) // 2], Code.INVALID_ARGUMENT),
            ("corrupt", photo[:50] + b"\xff" * 20 + photo[70:], Code.INVALID_ARGUMENT),
            ("huge", wire.png(8, 8, claimed=(65535, 65535)), Code.INVALID_ARGUMENT),
        ]
        for name, image, code in rows:
            with self.subTest(name):
                self.assert_fails(code, lambda: self.classify(image=image))
        self.classify(image=photo)

    def test_bad_requests(self):
        fits = wire.SIZE * wire.SIZE * 3
        fp32, uint8 = Tensor.FP32, Tensor.UINT8
        rows = [
            ("nothing", {}, "an image or a tensor"),
            ("long id", {"tensor": pixels(), "id": "x" * 257}, "256"),
            ("no type", {"tensor": tensor(0, [3, 224, 224], b"")}, "FP32 or UINT8"),
            ("short data", {"tensor": tensor(fp32, [3, 224, 224], b"\0" * fits)}, ""),
            ("wrong size", {"tensor": tensor(uint8, [3, 9, 9], b"\0" * 243)}, ""),
            ("negative", {"tensor": tensor(uint8, [-3, 224, 224], b"\0" * fits)}, ""),
            ("two images", {"tensor": tensor(uint8, [2, 3, 224, 224], b"\0" * 2 * fits)}, ""),
            ("huge shape", {"tensor": tensor(uint8, [2**62, 2**62, 3], b"")}, ""),
        ]
        for name, fields, contains in rows:
            with self.subTest(name):
                self.assert_fails(Code.INVALID_ARGUMENT, lambda: self.classify(**fields), contains)

    def test_unknown_model_and_version(self):
        self.assert_fails(
            Code.NOT_FOUND,
            lambda: self.classify(model="nobody", tensor=pixels()),
            "Request for unknown model: 'nobody'",
        )
        self.assert_fails(
            Code.NOT_FOUND, lambda: self.classify(version="77", tensor=pixels()), "77"
        )

    def test_over_large_message(self):
        # Refused by gRPC itself, before it is read: no details.
        with self.assertRaises(grpc.RpcError) as context:
            self.classify(image=b"x" * (18 << 20))
        self.assertEqual(context.exception.code(), Code.RESOURCE_EXHAUSTED)
        self.classify(tensor=pixels())

    def test_expired_call(self):
        request = pb.ClassifyRequest(model=wire.MODEL, tensor=pixels())
        with self.assertRaises(grpc.RpcError) as context:
            self.stub.Classify(request, timeout=1e-6)
        self.assertEqual(context.exception.code(), Code.DEADLINE_EXCEEDED)

    def test_cancelled_call(self):
        request = pb.ClassifyRequest(model=wire.MODEL, tensor=pixels())

        def one_is_cancelled():  # unless all were answered before
            calls = [self.stub.Classify.future(request, timeout=wire.TIMEOUT) for _ in range(8)]
            return any([call.cancel() for call in calls])

        self.assertTrue(any(one_is_cancelled() for _ in range(5)))
        self.classify(tensor=pixels())


class ClassifyStreamTest(wire.ServerTest):
    def setUp(self):
        self.stub = pb_grpc.ClassifierStub(self.channel)

    def request(self, number, **fields):
        fields = fields or {"tensor": pixels()}
        return pb.ClassifyRequest(**{"model": wire.MODEL, "id": str(number), **fields})

    def test_answers_come_in_order_and_errors_do_not_end_the_stream(self):
        wrong = {3: {"image": b"noise"}, 7: {"model": "nobody", "tensor": pixels()}}
        requests = [self.request(i, **wrong.get(i, {})) for i in range(40)]
        answers = list(self.stub.ClassifyStream(iter(requests), timeout=wire.TIMEOUT))
        self.assertEqual(len(answers), len(requests))
        codes = {3: Code.INVALID_ARGUMENT, 7: Code.NOT_FOUND}
        for i, answer in enumerate(answers):
            kind = answer.WhichOneof("result")
            self.assertEqual(kind, "error" if i in wrong else "response")
            self.assertEqual(getattr(answer, kind).id, str(i))
            if i in wrong:
                self.assertEqual(answer.error.code, codes[i].value[0])
                self.assertTrue(answer.error.message)

    def test_an_empty_stream_ends(self):
        self.assertEqual(list(self.stub.ClassifyStream(iter([]), timeout=wire.TIMEOUT)), [])

    def test_a_question_at_a_time(self):
        answered = threading.Semaphore(1)

        def questions():
            for i in range(5):
                answered.acquire()
                yield self.request(i)

        for i, answer in enumerate(self.stub.ClassifyStream(questions(), timeout=wire.TIMEOUT)):
            self.assertEqual(answer.response.id, str(i))
            answered.release()

    def test_cancelled_stream(self):
        stream = self.stub.ClassifyStream(
            (self.request(i) for i in range(1000)), timeout=wire.TIMEOUT
        )
        next(stream)
        stream.cancel()
        with self.assertRaises(grpc.RpcError):
            list(stream)
        self.assertEqual(stream.code(), Code.CANCELLED)
