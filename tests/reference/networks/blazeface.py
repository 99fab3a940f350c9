"""BlazeFace as MediaPipe ships it, with the keys of hollance/BlazeFace-PyTorch.

No batch norms: they are folded into the biases. Outputs are raw: scores [N, 896] before the
sigmoid, and boxes [N, 896, 16] before decoding.
"""

import torch
from torch import nn
from torch.nn import functional

from networks.layers import SameConv2d

# Output channels of the blocks, with the stride where it is 2.
FRONT_16 = [24, 28, (32, 2), 36, 42, (48, 2), 56, 64, 72, 80, 88]
FRONT_8 = [(96, 2), 96, 96, 96, 96]
BACK_16 = [*[24] * 7, (24, 2), *[24] * 7, (48, 2), *[48] * 7, (96, 2), *[96] * 7]


def separable(cin: int, cout: int, stride: int) -> nn.Sequential:
    return nn.Sequential(SameConv2d(cin, cin, 3, stride, groups=cin), nn.Conv2d(cin, cout, 1))


class Block(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int):
        super().__init__()
        self.convs = separable(cin, cout, stride)
        self.stride, self.new_channels = stride, cout - cin

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = functional.max_pool2d(x, 2) if self.stride == 2 else x
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))
        return torch.relu(self.convs(x) + shortcut)


class FinalBlock(nn.Module):
    """The back model's step from 16x16 to 8x8, without a shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.convs = separable(channels, channels, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.convs(x))


def blocks(cin: int, rows: list) -> list[nn.Module]:
    result = []
    for row in rows:
        cout, stride = row if isinstance(row, tuple) else (row, 1)
        result.append(Block(cin, cout, stride))
        cin = cout
    return result


class Heads(nn.Module):
    """Two anchors per cell of the 16x16 map, six per cell of the 8x8 map."""

    def __init__(self, channels_16: int):
        super().__init__()
        self.classifier_8, self.regressor_8 = (nn.Conv2d(channels_16, n, 1) for n in (2, 32))
        self.classifier_16, self.regressor_16 = (nn.Conv2d(96, n, 1) for n in (6, 96))

    def detect(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        def rows(output: torch.Tensor, size: int) -> torch.Tensor:
            return output.permute(0, 2, 3, 1).reshape(len(output), -1, size)

        scores = torch.cat([rows(self.classifier_8(x), 1), rows(self.classifier_16(h), 1)], dim=1)
        boxes = torch.cat([rows(self.regressor_8(x), 16), rows(self.regressor_16(h), 16)], dim=1)
        return scores.squeeze(2), boxes


def stem() -> list[nn.Module]:
    return [SameConv2d(3, 24, 5, 2), nn.ReLU()]


class Front(Heads):
    """For images of 128x128."""

    def __init__(self):
        super().__init__(channels_16=88)
        self.backbone1 = nn.Sequential(*stem(), *blocks(24, FRONT_16))
        self.backbone2 = nn.Sequential(*blocks(88, FRONT_8))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.backbone1(x)
        return self.detect(x, self.backbone2(x))


class Back(Heads):
    """For images of 256x256."""

    def __init__(self):
        super().__init__(channels_16=96)
        self.backbone = nn.Sequential(*stem(), *blocks(24, BACK_16))
        self.final = FinalBlock(96)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.backbone(x)
        return self.detect(x, self.final(x))
