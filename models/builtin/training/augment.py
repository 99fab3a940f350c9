"""Random views of a batch of photos. Everything is drawn per photo and computed per batch."""
import math

import torch
from torch.nn import functional as F


def uniform(count: int, low: float, high: float) -> torch.Tensor:
    return torch.empty(count).uniform_(low, high)


def random_crops(images: torch.Tensor, size: int) -> torch.Tensor:
    """Float [n, 3, size, size] of uint8 images: a box of 30 to 100 % of the area, slightly turned, often
    mirrored."""
    count = len(images)
    area = uniform(count, 0.3, 1.0)
    aspect = torch.exp(uniform(count, math.log(3 / 4), math.log(4 / 3)))
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    angle = uniform(count, -0.2, 0.2)
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    transform = torch.stack([
        torch.stack([mirror * width * cos, -height * sin, uniform(count, -1, 1) * (1 - width)], dim=1),
        torch.stack([mirror * width * sin, height * cos, uniform(count, -1, 1) * (1 - height)], dim=1)], dim=1)
    grid = F.affine_grid(transform, [count, 3, size, size], align_corners=False)
    return F.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)


def jitter_colours(images: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast, saturation and tint; one photo in ten turns grey."""
    count = len(images)

    def factor(spread: float, channels: int = 1) -> torch.Tensor:
        return torch.empty(count, channels, 1, 1).uniform_(1 - spread, 1 + spread)

    images = images * factor(0.4) * factor(0.1, channels=3)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    images = middle + (images - middle) * factor(0.4)
    grey = images.mean(dim=1, keepdim=True)
    saturation = factor(0.5) * (torch.rand(count, 1, 1, 1) > 0.1)
    return (grey + (images - grey) * saturation).clamp(0, 255)


def erase(images: torch.Tensor) -> torch.Tensor:
    """A rectangle of a quarter of the photos is filled with noise."""
    size = images.shape[-1]
    for index in torch.nonzero(torch.rand(len(images)) < 0.25).flatten().tolist():
        height, width = (int(size * side) for side in uniform(2, 0.15, 0.45))
        top, left = (int(torch.randint(0, size - side, ())) for side in (height, width))
        images[index, :, top:top + height, left:left + width] = torch.rand(3, height, width) * 255
    return images


def mix(images: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mixup or CutMix with the reversed batch, in half of the batches; targets are probabilities."""
    choice = torch.rand(()).item()
    if choice < 0.5:
        return images, targets
    share = torch.distributions.Beta(0.8, 0.8).sample().item()
    if choice < 0.75:
        images = share * images + (1 - share) * images.flip(0)
    else:
        size = images.shape[-1]
        side = int(size * math.sqrt(1 - share))
        top, left = (int(torch.randint(0, size - side + 1, ())) for _ in range(2))
        images = images.clone()
        images[:, :, top:top + side, left:left + side] = images.flip(0)[:, :, top:top + side, left:left + side]
        share = 1 - side * side / (size * size)
    return images, share * targets + (1 - share) * targets.flip(0)


def random_views(images: torch.Tensor, size: int) -> torch.Tensor:
    return erase(jitter_colours(random_crops(images, size)))
