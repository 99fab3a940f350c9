"""MobileNeXt with the keys of zhoudaquan/rethinking_bottleneck_design."""

import math

import torch
from torch import nn

from networks.layers import global_average, make_divisible

# Table 2 of the paper: expansion t, channels c, repeats n, stride s of the first repeat. The paper
# repeats the 960 channels twice, the published weights three times.
ROWS = [
    (2, 96, 1, 2),
    (6, 144, 1, 1),
    (6, 192, 3, 2),
    (6, 288, 3, 2),
    (6, 384, 4, 1),
    (6, 576, 4, 2),
    (6, 960, 3, 1),
    (6, 1280, 1, 1),
]


def depthwise(channels: int, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return [conv, nn.BatchNorm2d(channels)]


def pointwise(cin: int, cout: int) -> list[nn.Module]:
    return [nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout)]


class Sandglass(nn.Module):
    """Wide, narrow, wide; the depthwise convolutions are on the wide sides.

    A block that only changes the channels has none, one that halves the image only the last one.
    """

    def __init__(self, cin, cout, stride, expansion, single, identity_divisor):
        super().__init__()
        hidden = cin // expansion
        if hidden < cout / 6:
            hidden = make_divisible(math.ceil(cout / 6), 16)
        same = stride == 1 and cin == cout
        both = expansion == 2 or single or same
        layers = [*depthwise(cin), nn.ReLU6()] if both else []
        layers += [*pointwise(cin, hidden), *pointwise(hidden, cout), nn.ReLU6()]
        if both or stride == 2:
            layers += depthwise(cout, stride)
        self.conv = nn.Sequential(*layers)
        self.identity_channels = cin // identity_divisor if same and not single else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        if n := self.identity_channels:
            y[:, :n] += x[:, :n]
        return y


class MobileNeXt(nn.Module):
    """`identity_divisor` 2 adds only the first half of a block's input to its output."""

    def __init__(self, width: float, num_classes: int, blocks_of_960=3, identity_divisor=1):
        super().__init__()
        cin = make_divisible(32 * width)
        stem = nn.Conv2d(3, cin, 3, 2, 1, bias=False)
        features = [nn.Sequential(stem, nn.BatchNorm2d(cin), nn.ReLU6())]
        for t, c, n, s in ROWS:
            cout = c if c == 1280 and width < 1 else make_divisible(c * width)
            single = n == 1 and s == 1
            for repeat in range(blocks_of_960 if c == 960 else n):
                stride = s if repeat == 0 else 1
                features.append(Sandglass(cin, cout, stride, t, single, identity_divisor))
                cin = cout
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(cin, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(global_average(self.features(x)))
