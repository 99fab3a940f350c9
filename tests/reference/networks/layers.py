"""What several reference networks are made of."""

import torch
from torch import nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: the odd row and column come last."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = (self._padding(size, i) for i, size in enumerate(x.shape[2:]))
        return super().forward(functional.pad(x, (*width, *height)))

    def _padding(self, size: int, axis: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        outputs = -(-size // stride)
        total = max((outputs - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


def make_divisible(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, but not below 90% of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def global_average(x: torch.Tensor) -> torch.Tensor:
    """[N, C, H, W] to [N, C]."""
    return x.mean(dim=(2, 3))
