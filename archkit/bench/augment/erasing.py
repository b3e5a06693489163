"""Cutout and random erasing of a whole batch on the device, each image with its own draw.

kornia was measured in place of it: see `archkit.bench.augment.mixing`.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

__all__ = ["draw_cutout", "draw_erasing"]

# The values of the paper on random erasing, which are torchvision's defaults.
_AREA: Final = (0.02, 0.33)  # shares of the image
_RATIO: Final = (0.3, 3.3)  # height by width
_TRIES: Final = 10  # rectangles that are drawn to find one that fits


def draw_cutout(batch: int, height: int, width: int, side: int, generator: torch.Generator) -> Tensor:
    """Squares of `side` pixels, each centred on a random pixel and cut off at the borders.

    Returns:
        batch x 1 x height x width, bool: the pixels to erase.
    """
    device = generator.device
    y = torch.randint(0, height, (batch,), generator=generator, device=device) - side // 2
    x = torch.randint(0, width, (batch,), generator=generator, device=device) - side // 2
    size = torch.full((batch,), side, device=device)
    return _rectangles(y, x, size, size, height, width)


def draw_erasing(
    batch: int, height: int, width: int, probability: float, generator: torch.Generator
) -> Tensor:
    """Rectangles of 2% to 33% of the image, 0.3 to 3.3 times as high as wide; one with `probability`.

    As in torchvision's RandomErasing, the first of ten draws that fits into the image counts, and an image
    for which none fits is left alone.

    Returns:
        batch x 1 x height x width, bool: the pixels to erase.
    """
    device = generator.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator, device=device)

    area = height * width * uniform(*_AREA, batch, _TRIES)
    ratio = uniform(math.log(_RATIO[0]), math.log(_RATIO[1]), batch, _TRIES).exp()
    h, w = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (h < height) & (w < width)
    first = fits.int().argmax(1, keepdim=True)
    erased = fits.any(1) & (uniform(0, 1, batch) < probability)
    h = h.gather(1, first)[:, 0] * erased
    w = w.gather(1, first)[:, 0]
    top = (uniform(0, 1, batch) * (height - h + 1)).floor()
    left = (uniform(0, 1, batch) * (width - w + 1)).floor()
    return _rectangles(top, left, h, w, height, width)


def _rectangles(top: Tensor, left: Tensor, h: Tensor, w: Tensor, height: int, width: int) -> Tensor:
    rows = torch.arange(height, device=top.device)
    columns = torch.arange(width, device=top.device)
    in_rows = (rows >= top[:, None]) & (rows < (top + h)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + w)[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
