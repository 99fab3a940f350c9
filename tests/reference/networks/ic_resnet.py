"""ResNet whose 3x3 convolutions are inception (mixed dilation) convolutions, keys of yifan123."""

import ast
import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from networks.layers import global_average

EXPANSION = 4

# Output channels by (dilation height - 1, dilation width - 1), in the order of the branches.
Pattern = dict[tuple[int, int], int]


def read_patterns(path: Path) -> list[Pattern]:
    """A published pattern file: one pattern per bottleneck, in the order of the network."""
    patterns = json.loads(path.read_text())
    return [{ast.literal_eval(k): n for k, n in pattern.items() if n} for pattern in patterns]


class IcConv(nn.Module):
    def __init__(self, cin: int, stride: int, pattern: Pattern):
        super().__init__()
        self.conv_list = nn.ModuleList()
        for (a, b), channels in pattern.items():
            dilation = (a + 1, b + 1)
            self.conv_list.append(
                nn.Conv2d(cin, channels, 3, stride, dilation, dilation, bias=False)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([conv(x) for conv in self.conv_list], dim=1)


class Bottleneck(nn.Module):
    def __init__(self, cin: int, planes: int, stride: int, pattern: Pattern):
        super().__init__()
        cout = planes * EXPANSION
        self.conv1, self.bn1 = nn.Conv2d(cin, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = IcConv(planes, stride, pattern), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, cout, 1, bias=False), nn.BatchNorm2d(cout)
        self.downsample = nn.Sequential()
        if stride != 1 or cin != cout:
            self.downsample.append(nn.Conv2d(cin, cout, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(cout))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class IcResNet(nn.Module):
    def __init__(self, blocks: list[int], patterns: list[Pattern], num_classes: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        cin, pattern = 64, iter(patterns)
        for layer, count in enumerate(blocks):
            planes, layers = 64 << layer, []
            for block in range(count):
                stride = 2 if layer > 0 and block == 0 else 1
                layers.append(Bottleneck(cin, planes, stride, next(pattern)))
                cin = planes * EXPANSION
            self.add_module(f"layer{layer + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(cin, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(global_average(x))
