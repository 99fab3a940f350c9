"""The teacher (ImageNet weights, never shipped) and the student (what is shipped)."""
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import nn
from torchvision import models


class Outputs(NamedTuple):
    eighth: torch.Tensor     # activations at an eighth of the resolution
    sixteenth: torch.Tensor  # and at a sixteenth
    pooled: torch.Tensor
    logits: torch.Tensor


def _unfold(module: nn.Module) -> None:
    """Convolutions with biases for convolutions with batch norms, TensorFlow's padding for PyTorch's."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.Conv2d):
            strided = child.stride == (2, 2)
            conv = nn.Conv2d(child.in_channels, child.out_channels, child.kernel_size, child.stride,
                             0 if strided else child.padding, groups=child.groups)
            if strided:
                conv.register_forward_pre_hook(lambda _, inputs: nn.functional.pad(inputs[0], (0, 1, 0, 1)))
            setattr(module, name, conv)
        else:
            _unfold(child)


class Teacher(nn.Module):
    """MobileNetV2 with folded batch norms, its classifier replaced. Takes sizes that are multiples of 32."""

    def __init__(self, weights: Path, classes: int) -> None:
        super().__init__()
        self.net = models.mobilenet_v2()
        _unfold(self.net)
        self.net.load_state_dict(load_file(str(weights)))
        self.net.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, images: torch.Tensor) -> Outputs:
        layers = self.net.features
        eighth = layers[:7](images)
        sixteenth = layers[7:14](eighth)
        pooled = layers[14:](sixteenth).mean(dim=(2, 3))
        return Outputs(eighth, sixteenth, pooled, self.net.classifier(pooled))


class Student(nn.Module):
    """ShuffleNetV2 1.0x, from scratch."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.net = models.shufflenet_v2_x1_0(num_classes=classes)

    def forward(self, images: torch.Tensor) -> Outputs:
        net = self.net
        eighth = net.stage2(net.maxpool(net.conv1(images)))
        sixteenth = net.stage3(eighth)
        pooled = net.conv5(net.stage4(sixteenth)).mean(dim=(2, 3))
        return Outputs(eighth, sixteenth, pooled, net.fc(pooled))
