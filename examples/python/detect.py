#!/usr/bin/env python3
"""Faces in a photo: detect.py PHOTO [MODEL [SERVER]]"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))
import grpc
from siskin.v1 import face_detector_pb2, face_detector_pb2_grpc


def main(photo, model="", server="localhost:8001"):
    request = face_detector_pb2.DetectRequest(model=model, image=pathlib.Path(photo).read_bytes())
    with grpc.insecure_channel(server) as channel:
        answer = face_detector_pb2_grpc.FaceDetectorStub(channel).Detect(request, timeout=5)
    print(f"{len(answer.faces)} faces in {answer.image_width} x {answer.image_height} pixels")
    for face in answer.faces:
        box, nose = face.box, face.key_points.nose
        print(f"{face.score:7.2%}  ({box.xmin:.0f}, {box.ymin:.0f}) to ({box.xmax:.0f}, {box.ymax:.0f}), "
              f"nose at ({nose.x:.0f}, {nose.y:.0f})")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
