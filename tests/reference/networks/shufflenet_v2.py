"""ShuffleNetV2 of megvii, a network of its own: it shuffles where torchvision splits."""

import torch
from torch import nn
from torch.nn import functional

from networks.layers import global_average

# Table 5 of the paper: channels of the three stages and of the last convolution.
CHANNELS = {0.5: [48, 96, 192, 1024], 1.0: [116, 232, 464, 1024]}
REPEATS = [4, 8, 4]


def pointwise(cin: int, cout: int) -> list[nn.Module]:
    return [nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU()]


def depthwise(channels: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
    return [conv, nn.BatchNorm2d(channels)]


class Unit(nn.Module):
    """`cin` counts the channels that go through the main branch."""

    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        hidden, outputs = cout // 2, cout - cin
        self.branch_main = nn.Sequential(
            *pointwise(cin, hidden), *depthwise(hidden, stride), *pointwise(hidden, outputs)
        )
        if stride == 2:
            self.branch_proj = nn.Sequential(*depthwise(cin, 2), *pointwise(cin, cin))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if hasattr(self, "branch_proj"):
            return torch.cat([self.branch_proj(x), self.branch_main(x)], dim=1)
        return torch.cat([x[:, 0::2], self.branch_main(x[:, 1::2])], dim=1)


class Megvii(nn.Module):
    def __init__(self, width: float, num_classes: int):
        super().__init__()
        *stages, last = CHANNELS[width]
        cin, units = 24, []
        stem = nn.Conv2d(3, cin, 3, 2, 1, bias=False)
        self.first_conv = nn.Sequential(stem, nn.BatchNorm2d(cin), nn.ReLU())
        for cout, repeats in zip(stages, REPEATS):
            units.append(Unit(cin, cout, stride=2))
            units += [Unit(cout // 2, cout, stride=1) for _ in range(repeats - 1)]
            cin = cout
        self.features = nn.Sequential(*units)
        self.conv_last = nn.Sequential(*pointwise(cin, last))
        self.classifier = nn.Sequential(nn.Linear(last, num_classes, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(self.first_conv(x), 3, 2, 1)
        return self.classifier(global_average(self.conv_last(self.features(x))))
