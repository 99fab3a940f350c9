#!/usr/bin/env python3
"""Labels by the Open Inference Protocol, as KServe and Triton speak it: oip.py PHOTO MODEL [SERVER]"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))
import grpc
from inference import grpc_service_pb2 as oip, grpc_service_pb2_grpc


def main(photo, model, server="localhost:8001"):
    image = pathlib.Path(photo).read_bytes()
    tensor = oip.ModelInferRequest.InferInputTensor(name="input", datatype="BYTES", shape=[1])
    request = oip.ModelInferRequest(model_name=model, inputs=[tensor],
                                    raw_input_contents=[struct.pack("<I", len(image)) + image])
    with grpc.insecure_channel(server) as channel:
        answer = grpc_service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=5)
    raw = dict(zip((output.name for output in answer.outputs), answer.raw_output_contents))["probabilities"]
    probabilities = struct.unpack(f"<{len(raw) // 4}f", raw)
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    print(f"{probabilities[best]:7.2%}  class {best} of {len(probabilities)}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
