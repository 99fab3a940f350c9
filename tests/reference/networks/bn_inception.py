"""BN-Inception (Inception-v2) with the keys of Cadene: biases besides the batch norms."""

import torch
from torch import nn
from torch.nn import functional

from networks.layers import global_average

# Per module: channels of the 1x1 branch, of the 3x3 branch (reduction, convolution), of the double
# 3x3 branch (reduction, both convolutions), of the pool's projection; kind of pool. A module without
# 1x1 branch has stride 2 and passes its max pool on as it is.
MODULES = {
    "3a": (64, (64, 64), (64, 96), 32, "avg"),
    "3b": (64, (64, 96), (64, 96), 64, "avg"),
    "3c": (None, (128, 160), (64, 96), None, "max"),
    "4a": (224, (64, 96), (96, 128), 128, "avg"),
    "4b": (192, (96, 128), (96, 128), 128, "avg"),
    "4c": (160, (128, 160), (128, 160), 128, "avg"),
    "4d": (96, (128, 192), (160, 192), 128, "avg"),
    "4e": (None, (128, 192), (192, 256), None, "max"),
    "5a": (352, (192, 320), (160, 224), 128, "avg"),
    "5b": (352, (192, 320), (192, 224), 128, "max"),
}


def halve(x: torch.Tensor) -> torch.Tensor:
    """A max pool with Caffe's rounding: an even size needs a column beyond the edge."""
    return functional.max_pool2d(x, 3, 2, ceil_mode=True)


class BnInception(nn.Module):
    def __init__(self, num_classes: int):
        super().__init__()
        self._add("conv1_7x7_s2", 3, 64, kernel=7, stride=2)
        self._add("conv2_3x3_reduce", 64, 64)
        self._add("conv2_3x3", 64, 192, kernel=3)
        cin = 192
        for name in MODULES:
            cin = self._add_module(name, cin)
        self.last_linear = nn.Linear(cin, num_classes)

    def _add(self, name: str, cin: int, cout: int, kernel: int = 1, stride: int = 1) -> None:
        self.add_module(name, nn.Conv2d(cin, cout, kernel, stride, kernel // 2))
        self.add_module(f"{name}_bn", nn.BatchNorm2d(cout))

    def _add_module(self, name: str, cin: int) -> int:
        """Returns the channels of the module's output."""
        one, three, double, projection, _ = MODULES[name]
        stride = 1 if one else 2
        prefix = f"inception_{name}_"
        if one:
            self._add(prefix + "1x1", cin, one)
        self._add(prefix + "3x3_reduce", cin, three[0])
        self._add(prefix + "3x3", *three, kernel=3, stride=stride)
        self._add(prefix + "double_3x3_reduce", cin, double[0])
        self._add(prefix + "double_3x3_1", *double, kernel=3)
        self._add(prefix + "double_3x3_2", double[1], double[1], kernel=3, stride=stride)
        if projection:
            self._add(prefix + "pool_proj", cin, projection)
        return (one or 0) + three[1] + double[1] + (projection or cin)

    def _conv(self, x: torch.Tensor, *names: str) -> torch.Tensor:
        for name in names:
            x = torch.relu(getattr(self, f"{name}_bn")(getattr(self, name)(x)))
        return x

    def _module(self, x: torch.Tensor, name: str) -> torch.Tensor:
        prefix = f"inception_{name}_"
        double = [prefix + part for part in ("double_3x3_reduce", "double_3x3_1", "double_3x3_2")]
        three = self._conv(x, prefix + "3x3_reduce", prefix + "3x3")
        branches = [three, self._conv(x, *double)]
        one, *_, pool = MODULES[name]
        if not one:
            return torch.cat([*branches, halve(x)], dim=1)
        pooling = functional.avg_pool2d if pool == "avg" else functional.max_pool2d
        projection = self._conv(pooling(x, 3, 1, 1), prefix + "pool_proj")
        return torch.cat([self._conv(x, prefix + "1x1"), *branches, projection], dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = halve(self._conv(x, "conv1_7x7_s2"))
        x = halve(self._conv(x, "conv2_3x3_reduce", "conv2_3x3"))
        for name in MODULES:
            x = self._module(x, name)
        return self.last_linear(global_average(x))
