"""Writes the files of this folder, with torch 1.13: python3 make_fixtures.py

Most exist in both containers: NAME.pth is the zip archive, NAME.legacy.pth the stream that torch
wrote before 1.6. The values are counted up, so that the test knows them.
"""

import collections
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def count(*shape, dtype=torch.float32):
    size = 1
    for extent in shape:
        size *= extent
    return torch.arange(size, dtype=torch.float64).reshape(shape).to(dtype)


def state_dict():
    base = count(7)
    return collections.OrderedDict([
        ("plain", count(2, 3)),
        ("transposed", count(2, 3).t()),
        ("sliced", base[2:5]),  # shares the storage of the next one
        ("base", base),
        ("strided", count(3, 5)[:, 1::2]),
        ("scalar", torch.tensor(2.5)),
        ("empty", torch.zeros(0, 3)),
        ("parameter", torch.nn.Parameter(count(2))),
        ("double", count(3, dtype=torch.float64) / 8),
        ("half", -count(3, dtype=torch.float16) / 8),
        ("bfloat", count(3, dtype=torch.bfloat16) * 3),
        ("bn.num_batches_tracked", torch.tensor(9)),
    ])


def training():
    """What training scripts save: more than weights, from a parallel model."""
    return {
        "epoch": 300,
        "arch": "net",
        "best_acc1": 74.02,
        "state_dict": collections.OrderedDict(
            [("module.a.weight", count(2, 2)), ("module.a.bias", count(2))]),
        "optimizer": {"state": {0: {"step": 5, "momentum_buffer": count(2, 2)}},
                      "param_groups": [{"lr": 1e-3, "params": [0, 1], "nesterov": True}]},
    }


def module_state():
    """As a module gives it, with the attribute _metadata."""
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
    with torch.no_grad():
        for value in net.state_dict().values():
            value.copy_(count(*value.shape))
    return net.state_dict()


def save(name, value):
    torch.save(value, os.path.join(HERE, name + ".pth"))
    torch.save(value, os.path.join(HERE, name + ".legacy.pth"),
               _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    save("state", state_dict())
    save("training", training())
    save("module_state", module_state())
    save("integers", {"weight": torch.tensor([1, 2], dtype=torch.int32)})
    # The legacy container would hold the source code of the class, with its path.
    torch.save(torch.nn.Linear(1, 1), os.path.join(HERE, "whole_module.pth"))
