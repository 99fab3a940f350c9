"""ShuffleNetV1 of three code bases, which differ in where and how they shuffle and concatenate."""

import torch
from torch import nn
from torch.nn import functional

from networks.layers import global_average

# Table 1 of the paper: channels of the first stage at width 1.0; they double with every stage.
STAGE_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
REPEATS = [4, 8, 4]


def stem_channels(groups: int, width: float) -> int:
    """What the first unit adds to these must divide by the groups: hence 16."""
    return {0.5: 16 if groups == 8 else 12, 1.0: 24, 1.5: 24, 2.0: 48}[width]


def stages(groups: int, width: float, unit) -> list[list[nn.Module]]:
    """`unit` is called with input channels, output channels, stride, groups, first groups."""
    result, cin = [], stem_channels(groups, width)
    for stage, repeats in enumerate(REPEATS):
        cout = int(STAGE_CHANNELS[groups] * width) << stage
        units = []
        for repeat in range(repeats):
            first_groups = 1 if stage == repeat == 0 else groups
            units.append(unit(cin, cout, 2 if repeat == 0 else 1, groups, first_groups))
            cin = cout
        result.append(units)
    return result


def shuffle(x: torch.Tensor, rows: int) -> torch.Tensor:
    """Channels, seen as a matrix of `rows` rows, transposed."""
    return x.unflatten(1, (rows, -1)).transpose(1, 2).flatten(1, 2)


def max_pool(x: torch.Tensor) -> torch.Tensor:
    return functional.max_pool2d(x, 3, 2, 1)


def avg_pool(x: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(x, 3, 2, 1)


def conv3x3(cin: int, cout: int, stride: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 3, stride, 1, groups=groups, bias=False)


def conv1x1(cin: int, cout: int, groups: int) -> nn.Conv2d:
    return nn.Conv2d(cin, cout, 1, groups=groups, bias=False)


class MegviiUnit(nn.Module):
    def __init__(self, cin, cout, stride, groups, first_groups):
        super().__init__()
        self.stride, self.groups = stride, groups
        hidden, outputs = cout // 4, cout - cin if stride == 2 else cout
        self.branch_main_1 = nn.Sequential(
            conv1x1(cin, hidden, first_groups),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            conv3x3(hidden, hidden, stride, hidden),
            nn.BatchNorm2d(hidden),
        )
        self.branch_main_2 = nn.Sequential(
            conv1x1(hidden, outputs, groups), nn.BatchNorm2d(outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.branch_main_1(x)
        y = self.branch_main_2(shuffle(y, y.shape[1] // self.groups))
        if self.stride == 1:
            return torch.relu(x + y)
        return torch.cat([avg_pool(x), torch.relu(y)], dim=1)


class Megvii(nn.Module):
    def __init__(self, groups: int, width: float, num_classes: int):
        super().__init__()
        channels = stem_channels(groups, width)
        self.first_conv = nn.Sequential(
            conv3x3(3, channels, 2), nn.BatchNorm2d(channels), nn.ReLU()
        )
        units = sum(stages(groups, width, MegviiUnit), [])
        self.features = nn.Sequential(*units)
        outputs = int(STAGE_CHANNELS[groups] * width) * 4
        self.classifier = nn.Sequential(nn.Linear(outputs, num_classes, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(global_average(self.features(max_pool(self.first_conv(x)))))


class ConvModule(nn.Module):
    """OpenMMLab's convolution with batch norm."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv, self.bn = conv, nn.BatchNorm2d(conv.out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))


class MmclsUnit(nn.Module):
    def __init__(self, cin, cout, stride, groups, first_groups):
        super().__init__()
        self.stride, self.groups = stride, groups
        hidden, outputs = cout // 4, cout - cin if stride == 2 else cout
        self.g_conv_1x1_compress = ConvModule(conv1x1(cin, hidden, first_groups))
        self.depthwise_conv3x3_bn = ConvModule(conv3x3(hidden, hidden, stride, hidden))
        self.g_conv_1x1_expand = ConvModule(conv1x1(hidden, outputs, groups))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.depthwise_conv3x3_bn(torch.relu(self.g_conv_1x1_compress(x)))
        y = self.g_conv_1x1_expand(shuffle(y, self.groups))
        if self.stride == 1:
            return torch.relu(x + y)
        return torch.cat([avg_pool(x), torch.relu(y)], dim=1)


class Mmcls(nn.Module):
    def __init__(self, groups: int, num_classes: int):
        super().__init__()
        units = stages(groups, 1.0, MmclsUnit)
        self.backbone = nn.ModuleDict(
            {
                "conv1": ConvModule(conv3x3(3, stem_channels(groups, 1.0), 2)),
                "layers": nn.Sequential(*(nn.Sequential(*stage) for stage in units)),
            }
        )
        self.head = nn.ModuleDict({"fc": nn.Linear(STAGE_CHANNELS[groups] * 4, num_classes)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.backbone["layers"](max_pool(torch.relu(self.backbone["conv1"](x))))
        return self.head["fc"](global_average(x))


class ImgclsmobUnit(nn.Module):
    def __init__(self, cin, cout, stride, groups, first_groups):
        super().__init__()
        self.stride, self.groups = stride, groups
        hidden, outputs = cout // 4, cout - cin if stride == 2 else cout
        self.compress_conv1 = conv1x1(cin, hidden, first_groups)
        self.compress_bn1 = nn.BatchNorm2d(hidden)
        self.dw_conv2 = conv3x3(hidden, hidden, stride, hidden)
        self.dw_bn2 = nn.BatchNorm2d(hidden)
        self.expand_conv3 = conv1x1(hidden, outputs, groups)
        self.expand_bn3 = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.compress_bn1(self.compress_conv1(x)))
        y = self.dw_bn2(self.dw_conv2(shuffle(y, self.groups)))
        y = self.expand_bn3(self.expand_conv3(y))
        return torch.relu(x + y if self.stride == 1 else torch.cat([y, avg_pool(x)], dim=1))


class Imgclsmob(nn.Module):
    def __init__(self, groups: int, num_classes: int):
        super().__init__()
        stem = ConvModule(conv3x3(3, stem_channels(groups, 1.0), 2))
        self.features = nn.ModuleDict({"init_block": stem})
        for stage, units in enumerate(stages(groups, 1.0, ImgclsmobUnit), start=1):
            named = {f"unit{i}": unit for i, unit in enumerate(units, start=1)}
            self.features[f"stage{stage}"] = nn.ModuleDict(named)
        self.output = nn.Linear(STAGE_CHANNELS[groups] * 4, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = max_pool(torch.relu(self.features["init_block"](x)))
        for stage in ("stage1", "stage2", "stage3"):
            for unit in self.features[stage].values():
                x = unit(x)
        return self.output(global_average(x))
