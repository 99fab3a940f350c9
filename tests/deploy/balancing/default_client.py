"""default_client.py MODEL TARGET [SERVICE_CONFIG]: a service that uses Siskin, with the defaults of
gRPC for Python. Asks from eight threads until it is interrupted, then prints what it saw as JSON."""

import collections
import json
import signal
import sys
import threading

import grpc
from inference import grpc_service_pb2, grpc_service_pb2_grpc

THREADS = 8
SIDE = 128
TIMEOUT_SECONDS = 10.0


class Tally:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.errors = collections.Counter()
        self.first_error = ""

    def add(self, error: grpc.RpcError | None) -> None:
        with self._lock:
            self.requests += 1
            if error is not None:
                self.errors[error.code().name] += 1
                self.first_error = self.first_error or error.details()


def ask(channel: grpc.Channel, model: str, tally: Tally, stop: threading.Event) -> None:
    stub = grpc_service_pb2_grpc.GRPCInferenceServiceStub(channel)
    tensor = grpc_service_pb2.ModelInferRequest.InferInputTensor(
        name="input", datatype="UINT8", shape=[1, SIDE, SIDE, 3]
    )
    pixels = bytes(SIDE * SIDE * 3)
    request = grpc_service_pb2.ModelInferRequest(
        model_name=model, inputs=[tensor], raw_input_contents=[pixels]
    )
    while not stop.is_set():
        try:
            stub.ModelInfer(request, timeout=TIMEOUT_SECONDS)
            tally.add(None)
        except grpc.RpcError as error:
            tally.add(error)


def main(model: str, target: str, service_config: str = "{}") -> None:
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    tally = Tally()
    options = [("grpc.service_config", service_config)]
    with grpc.insecure_channel(target, options=options) as channel:
        arguments = (channel, model, tally, stop)
        threads = [threading.Thread(target=ask, args=arguments) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    report = {"requests": tally.requests, "errors": tally.errors, "first_error": tally.first_error}
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
