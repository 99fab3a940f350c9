"""siskin.v1.FaceDetector as a Python client sees it."""

import unittest

import grpc
import wire
from siskin.v1 import classifier_pb2, classifier_pb2_grpc
from siskin.v1 import face_detector_pb2 as pb
from siskin.v1 import face_detector_pb2_grpc as pb_grpc

Code = grpc.StatusCode


@unittest.skipUnless(wire.HAVE_MODELS, "needs the shared models")
class FaceDetectorTest(wire.ServerTest):
    def setUp(self):
        self.stub = pb_grpc.FaceDetectorStub(self.channel)

    def detect(self, **fields):
        request = pb.DetectRequest(**{"model": "blazeface_front", **fields})
        return self.stub.Detect(request, timeout=wire.TIMEOUT)

    def test_sample_photos_have_the_right_number_of_faces(self):
        for camera in ("front", "back"):
            for file, faces in wire.face_counts(f"faces_{camera}"):
                with self.subTest(file, camera=camera):
                    answer = self.detect(model=f"blazeface_{camera}", image=wire.read_photo(file))
                    self.assertEqual(len(answer.faces), faces)

    def test_face_is_where_it_is(self):
        # Of the reference implementation, as fractions of the square around 512 x 600 pixels.
        ymin, xmin, ymax, xmax = 0.2332, 0.3444, 0.5673, 0.6785
        answer = self.detect(image=wire.read_photo("grace_hopper.png"), id="a")
        self.assertEqual((answer.model, answer.version, answer.id), ("blazeface_front", "1", "a"))
        self.assertEqual((answer.image_width, answer.image_height), (512, 600))
        self.assertEqual(answer.warning, "")
        self.assertGreater(answer.timing.compute.ToNanoseconds(), 0)
        (face,) = answer.faces
        self.assertAlmostEqual(face.score, 0.9647, delta=0.01)
        bars = (600 - 512) / 2  # left and right of the photo
        for value, expected in (
            (face.box.xmin, xmin * 600 - bars),
            (face.box.xmax, xmax * 600 - bars),
            (face.box.ymin, ymin * 600),
            (face.box.ymax, ymax * 600),
        ):
            self.assertAlmostEqual(value, expected, delta=2)
        points = face.key_points
        self.assertLess(points.right_eye.x, points.left_eye.x)
        self.assertLess(points.right_eye.y, points.nose.y)
        self.assertLess(points.nose.y, points.mouth.y)
        self.assertTrue(face.box.xmin < points.nose.x < face.box.xmax)

    def test_best_faces_come_first(self):
        image = wire.read_photo("face.jpg")
        faces = self.detect(image=image, min_score=0.3).faces
        scores = [face.score for face in faces]
        self.assertEqual(scores, sorted(scores, reverse=True))
        (best,) = self.detect(image=image, min_score=0.3, max_faces=1).faces
        self.assertEqual(best, faces[0])

    def test_bad_requests(self):
        photo = wire.png(64, 64)
        rows = [
            ("nothing", {}, "the image is empty"),
            ("no image", {"image": b"this is text, not a photo"}, ""),
            ("truncated", {"image": photo[: len(photo) // 2]}, ""),
            ("score", {"image": photo, "min_score": 1.01}, "min_score from 0 to 1"),
            ("long id", {"image": photo, "id": "x" * 257}, "256"),
            ("classifier", {"image": photo, "model": wire.MODEL}, "is a classifier"),
        ]
        for name, fields, contains in rows:
            with self.subTest(name):
                self.assert_fails(Code.INVALID_ARGUMENT, lambda: self.detect(**fields), contains)

    def test_a_face_detector_does_not_classify(self):
        classifier = classifier_pb2_grpc.ClassifierStub(self.channel)
        request = classifier_pb2.ClassifyRequest(model="blazeface_front", image=wire.png(64, 64))
        self.assert_fails(
            Code.INVALID_ARGUMENT, lambda: classifier.Classify(request), "is a face detector"
        )
