"""siskin.v1.Embedder as a Python client sees it."""

import math
import unittest

import grpc
import wire
from siskin.v1 import embedder_pb2 as pb
from siskin.v1 import embedder_pb2_grpc as pb_grpc

Code = grpc.StatusCode


class EmbedderTest(wire.ServerTest):
    def setUp(self):
        self.stub = pb_grpc.EmbedderStub(self.channel)

    def embed(self, **fields):
        request = pb.EmbedRequest(**{"model": wire.MODEL, **fields})
        return self.stub.Embed(request, timeout=wire.TIMEOUT)

    def test_answer_is_complete(self):
        answer = self.embed(image=wire.png(320, 240), id="a")
        self.assertEqual((answer.model, answer.version, answer.id), (wire.MODEL, "1", "a"))
        self.assertEqual(len(answer.embedding), 1280)
        self.assertGreater(max(answer.embedding), 0)
        self.assertGreater(answer.timing.compute.ToNanoseconds(), 0)

    def test_normalised_is_the_same_at_length_one(self):
        raw = self.embed(image=wire.png(320, 240)).embedding
        unit = self.embed(image=wire.png(320, 240), l2_normalise=True).embedding
        length = math.hypot(*raw)
        self.assertAlmostEqual(math.hypot(*unit), 1, places=5)
        for a, b in zip(raw, unit):
            self.assertAlmostEqual(a / length, b, places=5)

    @unittest.skipUnless(wire.HAVE_MODELS, "needs the shared models")
    def test_similar_photos_have_similar_embeddings(self):
        files = ("hot_dog.jpg", "hotdog_test_0.jpg", "bird.png")
        hot_dog, other_hot_dog, bird = (
            self.embed(image=wire.read_photo(file), l2_normalise=True).embedding for file in files
        )
        dot = lambda a, b: sum(x * y for x, y in zip(a, b))  # noqa: E731
        self.assertGreater(dot(hot_dog, other_hot_dog), dot(hot_dog, bird) + 0.1)

    def test_bad_requests(self):
        rows = [
            ("nothing", {}, "an image or a tensor"),
            ("no image", {"image": b"this is text, not a photo"}, ""),
            ("long id", {"image": wire.png(64, 64), "id": "x" * 257}, "256"),
        ]
        if wire.HAVE_MODELS:
            detector = {"image": wire.png(64, 64), "model": "blazeface_front"}
            rows.append(("face detector", detector, "is a face detector"))
        for name, fields, contains in rows:
            with self.subTest(name):
                self.assert_fails(Code.INVALID_ARGUMENT, lambda: self.embed(**fields), contains)
