"""The photos: decoded once, stretched to a square, kept as bytes."""
from pathlib import Path

import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

CLASSES = ("dress", "hat", "longsleeve", "outerwear", "pants", "shirt", "shoes", "shorts", "skirt", "t-shirt")


def load_photos(folder: Path, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Photos of `folder`/<class>/*.jpg as uint8 [n, 3, size, size], and the indices of their classes.

    Stretched as the server stretches them: antialiased bilinear, aspect ratio not kept. A garment that
    fills an upright photo stays whole that way."""
    images, labels = [], []
    for index, name in enumerate(CLASSES):
        for path in sorted((folder / name).glob("*.jpg")):
            photo = Image.open(path).convert("RGB").resize((size, size), Image.BILINEAR)
            images.append(pil_to_tensor(photo))
            labels.append(index)
    return torch.stack(images), torch.tensor(labels)


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Pixel values 0..255 to what the teacher was trained with, and so the student too."""
    return (pixels.float() - 128) / 128
