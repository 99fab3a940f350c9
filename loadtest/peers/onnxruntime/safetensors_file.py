"""Reads and writes safetensors files of float32 tensors."""

import json
import struct
from pathlib import Path

import numpy as np

Tensors = dict[str, np.ndarray]


def read(path: Path) -> tuple[Tensors, dict[str, str]]:
    """The tensors of `path` by name, and its metadata."""
    content = path.read_bytes()
    (header_size,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + header_size])
    metadata = header.pop("__metadata__", {})
    data = memoryview(content)[8 + header_size :]
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: tensor {name} is {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
    return tensors, metadata


def write(path: Path, tensors: Tensors) -> None:
    """Writes `tensors`, converted to float32, without holes."""
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        span = [offset, offset + len(blob)]
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": span}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
