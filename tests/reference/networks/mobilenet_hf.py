"""MobileNetV1 and V2 as Google trained them: TensorFlow's padding, epsilon 1e-3, the keys of HF."""

import torch
from torch import nn

from networks.layers import SameConv2d, global_average, make_divisible

# Table 1 of the V1 paper: channels and stride of the blocks.
V1_BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5]
V1_BLOCKS += [(1024, 2), (1024, 1)]
# Table 2 of the V2 paper: expansion t, channels c, repeats n, stride s of the first repeat.
V2_ROWS = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


class ConvLayer(nn.Module):
    """A convolution, its batch norm, and ReLU6 unless it is linear."""

    def __init__(self, cin, cout, kernel=1, stride=1, groups=1, linear=False):
        super().__init__()
        self.convolution = SameConv2d(cin, cout, kernel, stride, groups=groups, bias=False)
        self.normalization = nn.BatchNorm2d(cout, eps=1e-3)
        self.activation = nn.Identity() if linear else nn.ReLU6()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.normalization(self.convolution(x)))


class MobileNetV1(nn.Module):
    def __init__(self, width: float, num_classes: int):
        super().__init__()
        cin = max(int(32 * width), 8)
        stem, layers = ConvLayer(3, cin, 3, stride=2), []
        for channels, stride in V1_BLOCKS:
            cout = max(int(channels * width), 8)
            layers += [ConvLayer(cin, cin, 3, stride, groups=cin), ConvLayer(cin, cout)]
            cin = cout
        self.mobilenet_v1 = nn.ModuleDict({"conv_stem": stem, "layer": nn.Sequential(*layers)})
        self.classifier = nn.Linear(cin, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.mobilenet_v1.values():
            x = part(x)
        return self.classifier(global_average(x))


class Stem(nn.Module):
    """The first convolution and the first block, which has no expansion."""

    def __init__(self, channels: int, cout: int):
        super().__init__()
        self.first_conv = ConvLayer(3, channels, 3, stride=2)
        self.conv_3x3 = ConvLayer(channels, channels, 3, groups=channels)
        self.reduce_1x1 = ConvLayer(channels, cout, linear=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.reduce_1x1(self.conv_3x3(self.first_conv(x)))


class InvertedResidual(nn.Module):
    def __init__(self, cin: int, cout: int, expansion: int, stride: int):
        super().__init__()
        hidden = cin * expansion
        self.expand_1x1 = ConvLayer(cin, hidden)
        self.conv_3x3 = ConvLayer(hidden, hidden, 3, stride, groups=hidden)
        self.reduce_1x1 = ConvLayer(hidden, cout, linear=True)
        self.residual = stride == 1 and cin == cout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.reduce_1x1(self.conv_3x3(self.expand_1x1(x)))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    def __init__(self, width: float, num_classes: int):
        super().__init__()
        cin = make_divisible(V2_ROWS[0][1] * width)
        stem, layers = Stem(make_divisible(32 * width), cin), []
        for t, c, n, s in V2_ROWS[1:]:
            for repeat in range(n):
                cout = make_divisible(c * width)
                layers.append(InvertedResidual(cin, cout, t, s if repeat == 0 else 1))
                cin = cout
        head = make_divisible(1280 * max(width, 1.0))
        self.mobilenet_v2 = nn.ModuleDict(
            {
                "conv_stem": stem,
                "layer": nn.Sequential(*layers),
                "conv_1x1": ConvLayer(cin, head),
            }
        )
        self.classifier = nn.Linear(head, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in self.mobilenet_v2.values():
            x = part(x)
        return self.classifier(global_average(x))
