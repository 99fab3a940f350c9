#!/usr/bin/env python3
"""Labels of a photo: classify.py PHOTO [MODEL [SERVER]]"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))
import grpc
from siskin.v1 import classifier_pb2, classifier_pb2_grpc


def main(photo, model="", server="localhost:8001"):
    request = classifier_pb2.ClassifyRequest(model=model, image=pathlib.Path(photo).read_bytes(), top_k=3)
    with grpc.insecure_channel(server) as channel:
        answer = classifier_pb2_grpc.ClassifierStub(channel).Classify(request, timeout=5)
    for best in answer.classifications:
        print(f"{best.probability:7.2%}  {best.label or best.index}")
    print(f"{answer.model} computed it in {answer.timing.compute.ToMicroseconds() / 1000:.1f} ms")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
