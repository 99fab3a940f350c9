"""Weights and images of the parity test, bit for bit those of ops/bind_random.cc."""

import numpy as np
import torch
from torch import nn

SEED = 7
Array = np.ndarray


def fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def splitmix64(name: str, count: int) -> Array:
    """The first `count` draws of the generator of the tensor `name`."""
    step = np.uint64(0x9E3779B97F4A7C15)
    z = np.uint64(SEED ^ fnv1a(name)) + np.arange(1, count + 1, dtype=np.uint64) * step
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(bits: Array, centre: float, width: float) -> Array:
    """From the high half of each draw; rounded once for the centres 0 and 1, as C++'s fma is."""
    return centre + width * ((bits >> np.uint64(32)).astype(np.float64) * 2.0**-32 - 0.5)


def normal(bits: Array) -> Array:
    """Sums of twelve numbers of 16 bits, from three draws each."""
    sums = bits.view(np.uint16).reshape(-1, 12).sum(axis=1, dtype=np.int64)
    return (sums - 6 * 0xFFFF) * 2.0**-16


def weights(key: str, shape: tuple[int, ...]) -> Array:
    """The parameter that state_dict calls `key`, as float32."""
    count = int(np.prod(shape))
    is_weight = key.endswith(".weight")
    if is_weight and len(shape) >= 2:
        values = normal(splitmix64(key, 3 * count)) * np.sqrt(2.0 / (count / shape[0]))
    elif is_weight or key.endswith(".running_var"):
        values = uniform(splitmix64(key, count), 1.0, 1.0)
    else:  # a bias, beta or mean
        values = uniform(splitmix64(key, count), 0.0, 0.2)
    return values.astype(np.float32).reshape(shape)


def fill(model: nn.Module, renamed: dict[str, str]) -> None:
    """Gives a layer in `renamed` the weights of the name it has there."""
    for key, parameter in model.state_dict().items():
        layer, _, name = key.rpartition(".")
        if name != "num_batches_tracked":
            key = f"{renamed.get(layer, layer)}.{name}"
            parameter.copy_(torch.from_numpy(weights(key, tuple(parameter.shape))))


def images(count: int, size: int) -> torch.Tensor:
    """[count, 3, size, size], float32, between -1 and 1."""
    values = uniform(splitmix64("input", count * 3 * size * size), 0.0, 2.0)
    return torch.from_numpy(values.astype(np.float32).reshape(count, 3, size, size))
