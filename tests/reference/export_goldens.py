#!/usr/bin/env python3
"""Writes what the reference networks answer to pseudo-random weights and images; see README.md."""

import argparse
import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision import models

import pseudo_random
from networks import (
    blazeface,
    bn_inception,
    ic_resnet,
    mobilenet_hf,
    mobilenext,
    shufflenet_v1,
    shufflenet_v2,
)

ROOT = Path(__file__).resolve().parents[2]
CLASSES = 100
IMAGES = 3


@dataclass(frozen=True)
class Case:
    """`architecture` has the form, if any, behind a dot; `renamed` maps layers of the reference to
    their names in this key style."""

    architecture: str
    width: float
    key_style: str
    build: Callable[[], nn.Module]
    resolution: int = 224
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.architecture}.{self.width}.{self.key_style}"


# The classifier, of the cases that also store its input.
CLASSIFIERS = {
    "mobilenet_v2.1.0.torchvision": "classifier",
    "mobilenet_v3_small.1.0.torchvision": "classifier",
    "googlenet.1.0.torchvision": "fc",
}


def torchvision_cases() -> Iterator[Case]:
    def case(architecture: str, build: Callable, width=1.0, resolution=224, **options) -> Case:
        options.update(weights=None, num_classes=CLASSES)
        return Case(architecture, width, "torchvision", lambda: build(**options), resolution)

    for width in (1.0, 0.35, 1.4):
        yield case("mobilenet_v2", models.mobilenet_v2, width, width_mult=width)
    for width in (1.0, 0.75):
        yield case("mobilenet_v3_large", models.mobilenet_v3_large, width, width_mult=width)
        yield case("mobilenet_v3_small", models.mobilenet_v3_small, width, width_mult=width)
    for width in (0.5, 1.0, 1.5, 2.0):
        build = getattr(models, f"shufflenet_v2_x{width}".replace(".", "_"))
        yield case("shufflenet_v2", build, width)
    plain = {"aux_logits": False, "transform_input": False, "init_weights": False}
    yield case("googlenet", models.googlenet, **plain)
    yield case("inception_v3", models.inception_v3, resolution=299, **plain)
    yield case("efficientnet_b0", models.efficientnet_b0)


# Architecture, timm's name, width, resolution where it is not 224. The names "tf_" mean
# TensorFlow's padding and epsilon.
TIMM_MODELS = [
    ("mobilenet_v1", "mobilenetv1_100", 1.0),
    ("mobilenet_v1", "mobilenetv1_125", 1.25),
    ("mobilenet_v1.h", "mobilenetv1_100h", 1.0),
    ("mobilenet_v2", "mobilenetv2_050", 0.5),
    ("mobilenet_v2", "mobilenetv2_100", 1.0),
    ("mobilenet_v2", "mobilenetv2_140", 1.4),
    ("mobilenet_v3_large", "mobilenetv3_large_100", 1.0),
    ("mobilenet_v3_small", "mobilenetv3_small_050", 0.5),
    ("mobilenet_v3_small", "mobilenetv3_small_075", 0.75),
    ("mobilenet_v3_small", "mobilenetv3_small_100", 1.0),
    ("mobilenet_v3_large", "tf_mobilenetv3_large_075", 0.75),
    ("mobilenet_v3_large", "tf_mobilenetv3_large_100", 1.0),
    ("mobilenet_v3_small", "tf_mobilenetv3_small_075", 0.75),
    ("mobilenet_v3_small", "tf_mobilenetv3_small_100", 1.0),
    ("mobilenet_v3_large.minimalistic", "tf_mobilenetv3_large_minimal_100", 1.0),
    ("mobilenet_v3_small.minimalistic", "tf_mobilenetv3_small_minimal_100", 1.0),
    ("efficientnet_b0", "efficientnet_b0", 1.0),
    ("efficientnet_b0", "tf_efficientnet_b0", 1.0),
    ("inception_v4", "inception_v4", 1.0, 299),
    ("inception_resnet_v2", "inception_resnet_v2", 1.0, 299),
    ("xception", "legacy_xception", 1.0, 299),
]


def timm_cases() -> Iterator[Case]:
    for architecture, model, width, *resolution in TIMM_MODELS:

        def build(model: str = model) -> nn.Module:
            return timm.create_model(model, num_classes=CLASSES)

        style = "timm-tf" if model.startswith("tf_") else "timm"
        yield Case(architecture, width, style, build, *resolution)


def renamed_cases() -> Iterator[Case]:
    """The networks of another key style, where no more than the classifier has another name."""

    def case(architecture: str, key_style: str, build: Callable, resolution=224, **renamed) -> Case:
        return Case(architecture, 1.0, key_style, build, resolution, renamed)

    bn = partial(bn_inception.BnInception, CLASSES)
    v4 = partial(timm.create_model, "inception_v4", num_classes=CLASSES)
    resnet = partial(timm.create_model, "inception_resnet_v2", num_classes=CLASSES)
    yield case("bn_inception", "yjxiong", bn, last_linear="fc")
    yield case("inception_v4", "cadene", v4, 299)
    yield case("inception_resnet_v2", "cadene", resnet, 299, classif="last_linear")


def own_mobile_cases() -> Iterator[Case]:
    def case(architecture: str, width: float, key_style: str, build: Callable, **options) -> Case:
        return Case(architecture, width, key_style, lambda: build(width, CLASSES, **options))

    for width in (1.0, 0.75, 0.5, 0.25):
        yield case("mobilenet_v1", width, "hf-google", mobilenet_hf.MobileNetV1)
    for width in (1.0, 0.35):
        yield case("mobilenet_v2", width, "hf-google", mobilenet_hf.MobileNetV2)
    for width in (1.0, 0.35, 0.5, 0.75, 1.4):
        yield case("mobilenext", width, "zhoudaquan", mobilenext.MobileNeXt)
    for form, options in (("paper", {"blocks_of_960": 2}), ("identity2", {"identity_divisor": 2})):
        build = mobilenext.MobileNeXt
        yield case(f"mobilenext.{form}", 1.0, "zhoudaquan", build, **options)
    for width in (1.0, 0.5):
        yield case("shufflenet_v2", width, "megvii", shufflenet_v2.Megvii)


def shufflenet_v1_cases() -> Iterator[Case]:
    def case(groups: int, width: float, key_style: str, build: Callable, *options) -> Case:
        name = f"shufflenet_v1.g{groups}"
        return Case(name, width, key_style, lambda: build(groups, *options, CLASSES))

    for groups in (1, 2, 3, 4, 8):
        for width in (0.5, 1.0, 1.5, 2.0) if groups in (3, 8) else (1.0,):
            yield case(groups, width, "megvii", shufflenet_v1.Megvii, width)
    yield case(3, 1.0, "mmcls", shufflenet_v1.Mmcls)
    for groups in (3, 8):
        yield case(groups, 1.0, "imgclsmob", shufflenet_v1.Imgclsmob)


def ic_resnet_cases() -> Iterator[Case]:
    def case(architecture: str, patterns: str, third_layer: int) -> Case:
        def build() -> nn.Module:
            path = ROOT / "models/patterns" / f"{patterns}.json"
            blocks = [3, 4, third_layer, 3]
            return ic_resnet.IcResNet(blocks, ic_resnet.read_patterns(path), CLASSES)

        return Case(architecture, 1.0, "yifan123", build)

    yield case("ic_resnet50", "ic_resnet50_det", 6)
    yield case("ic_resnet50.seg", "ic_resnet50_seg", 6)
    yield case("ic_resnet50.pose", "ic_resnet50_pose", 6)
    yield case("ic_resnet101", "ic_resnet101", 23)


def all_cases() -> Iterator[Case]:
    yield from torchvision_cases()
    yield from timm_cases()
    yield from renamed_cases()
    yield from own_mobile_cases()
    yield from shufflenet_v1_cases()
    yield from ic_resnet_cases()
    yield Case("bn_inception", 1.0, "cadene", lambda: bn_inception.BnInception(CLASSES))
    yield Case("blazeface_front", 1.0, "hollance", blazeface.Front, 128)
    yield Case("blazeface_back", 1.0, "hollance", blazeface.Back, 256)


@torch.no_grad()
def run(case: Case) -> dict[str, torch.Tensor]:
    """The tensors of a case, by their names in the file."""
    model = case.build()
    pseudo_random.fill(model, case.renamed)
    model.double().eval()
    features = []
    if case.name in CLASSIFIERS:
        classifier = model.get_submodule(CLASSIFIERS[case.name])
        classifier.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0][:1]))
    outputs = model(pseudo_random.images(IMAGES, case.resolution).double())
    if isinstance(outputs, tuple):
        scores, boxes = outputs
        named = {f"{case.name}/scores": scores, f"{case.name}/boxes": boxes}
    else:
        named = {case.name: outputs}
    named.update({f"{case.name}/features": feature for feature in features})
    return {name: tensor.float().contiguous() for name, tensor in named.items()}


def made_with() -> str:
    libraries = ", ".join(f"{m.__name__} {m.__version__}" for m in (torch, torchvision, timm))
    return f"{libraries}, seed {pseudo_random.SEED}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "tests/golden/logits.safetensors")
    parser.add_argument(
        "--only", metavar="PATTERN", help="compute these cases, keep the others of --out"
    )
    arguments = parser.parse_args()
    tensors = load_file(arguments.out) if arguments.only else {}
    for case in all_cases():
        if fnmatch.fnmatch(case.name, arguments.only or "*"):
            print(case.name, flush=True)
            tensors.update(run(case))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    # One entry: safetensors writes several in an order that changes from run to run.
    save_file(tensors, arguments.out, {"made_with": made_with()})


if __name__ == "__main__":
    main()
