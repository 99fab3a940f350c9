#!/usr/bin/env python3
"""Writes the trained student as ../clothing/model.safetensors, with its labels beside it:

  export.py RESULT.pt

Batch norms are folded into their convolutions in double precision; what is left is stored as float16."""
import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision import models

from dataset import CLASSES
from train import SIZE

FOLDER = Path(__file__).resolve().parent.parent / "clothing"
METADATA = {
    "architecture": "shufflenet_v2",
    "classes": str(len(CLASSES)),
    "input_size": f"{SIZE}x{SIZE}",
    "input_mean": "128,128,128",
    "input_std": "128,128,128",
    "color_order": "RGB",
    "license": "Apache-2.0",
}


def fold_batch_norms(net: nn.Module) -> None:
    """In every sequence of layers, a batch norm disappears into the convolution before it."""
    for sequence in [module for module in net.modules() if isinstance(module, nn.Sequential)]:
        names = list(sequence._modules)
        for name, following in zip(names, names[1:]):
            layer, norm = sequence._modules[name], sequence._modules[following]
            if isinstance(norm, nn.BatchNorm2d):
                sequence._modules[name] = fuse_conv_bn_eval(layer, norm)
                sequence._modules[following] = nn.Identity()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="result.pt of train.py")
    arguments = parser.parse_args()
    net = models.shufflenet_v2_x1_0(num_classes=len(CLASSES)).double().eval()
    net.load_state_dict(torch.load(arguments.result))
    fold_batch_norms(net)
    tensors = {key: value.half().contiguous() for key, value in net.state_dict().items()}
    FOLDER.mkdir(exist_ok=True)
    save_file(tensors, str(FOLDER / "model.safetensors"), METADATA)
    (FOLDER / "labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))


if __name__ == "__main__":
    main()
