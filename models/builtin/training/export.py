#!/usr/bin/env python3
"""Writes the trained student as the file that is embedded: export.py WORK/student.pt OUT.safetensors

Float16, torchvision's keys, and in the metadata what the server must know."""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from dataset import CLASSES
from train import SIZE

METADATA = {
    "architecture": "shufflenet_v2",
    "classes": str(len(CLASSES)),
    "input_size": f"{SIZE}x{SIZE}",
    "input_mean": "128,128,128",
    "input_std": "128,128,128",
}


def main(checkpoint: Path, out: Path) -> None:
    average = torch.load(checkpoint, map_location="cpu")["average"]
    tensors = {key.removeprefix("net."): value for key, value in average.items()}
    halves = {key: value.half().contiguous() for key, value in tensors.items() if value.is_floating_point()}
    save_file(halves, str(out), METADATA)
    print(f"{out}: {out.stat().st_size} bytes, {sum(value.numel() for value in halves.values())} values")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
