"""TrivialAugment (wide) of a whole batch on the device: an operation and a strength drawn for each image.

The operations and their ranges are those of `torchvision.transforms.v2.TrivialAugmentWide`, which draws one
operation for the whole batch that it is given. The operations without a strength are torchvision's own. Every
operation is applied to all images and the one that was drawn is kept, so that shapes are static and nothing
waits for the device. The five operations that move pixels are one gather.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

__all__ = ["OPERATIONS", "Trivial", "draw_trivial", "trivial"]

OPERATIONS: Final = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)

_BINS: Final = 31  # strengths of an operation
_GREY: Final = (0.2989, 0.587, 0.114)  # ITU-R 601, as in torchvision
_SHARPEST: Final = 0.99
_SHIFT: Final = 32.0  # pixels
_TURN: Final = 135.0  # degrees


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trivial:
    """What was drawn for each of B images.

    Attributes:
        operation: B, an index into `OPERATIONS`.
        strength: B, of 0..30.
        sign: B, 1 or -1; for the operations that have two directions.
    """

    operation: Tensor
    strength: Tensor
    sign: Tensor


def draw_trivial(batch: int, generator: torch.Generator) -> Trivial:
    """Draws for `batch` images, on the generator's device."""
    device = generator.device

    def below(end: int) -> Tensor:
        return torch.randint(0, end, (batch,), generator=generator, device=device)

    return Trivial(operation=below(len(OPERATIONS)), strength=below(_BINS), sign=2 * below(2) - 1)


def trivial(images: Tensor, drawn: Trivial) -> Tensor:
    """Images changed as drawn: B x C x H x W, uint8, with C 1 or 3 -> the same in channels-last memory."""
    part = drawn.strength / (_BINS - 1)  # 0..1
    factor = (1 + part * drawn.sign * _SHARPEST)[:, None, None, None]
    pixels = images.float()
    grey = _grey(pixels)
    changed = _moved(images, drawn, part)
    for name, other in (
        ("Brightness", _whole(pixels * factor)),
        ("Color", _whole(pixels * factor + grey * (1 - factor)) if images.shape[1] == 3 else images),
        ("Contrast", _whole(pixels * factor + grey.mean((1, 2, 3), keepdim=True) * (1 - factor))),
        ("Sharpness", _sharpened(pixels, factor)),
        ("Posterize", _posterized(images, drawn.strength)),
        ("Solarize", torch.where(pixels >= 255 * (1 - part)[:, None, None, None], 255 - images, images)),
        ("AutoContrast", tv.autocontrast_image(images)),
        ("Equalize", tv.equalize_image(images)),
    ):
        elsewhere = (drawn.operation != OPERATIONS.index(name))[:, None, None, None]
        changed = torch.where(
            elsewhere, changed, other
        )  # in this order, the memory format of `changed` is kept
    return changed


def _moved(images: Tensor, drawn: Trivial, part: Tensor) -> Tensor:
    """The images sheared, shifted or rotated to the nearest pixel, black outside; the others as they are."""
    B, _, H, W = images.shape
    device = images.device
    zero, one = part.new_zeros(B), part.new_ones(B)

    def where(name: str, there: Tensor, otherwise: Tensor) -> Tensor:
        return torch.where(drawn.operation == OPERATIONS.index(name), there, otherwise)

    shear = part * drawn.sign * _SHARPEST
    shift = (part * _SHIFT).floor() * drawn.sign
    angle = part * drawn.sign * (_TURN * math.pi / 180)
    turned = where("Rotate", angle, zero)
    cos, sin = turned.cos(), turned.sin()
    # source = matrix (x, y) + offset, in pixels from the centre; a shear keeps the upper left corner in
    # place.
    xx, yy = where("Rotate", cos, one), where("Rotate", cos, one)
    xy, yx = where("ShearX", shear, -sin), where("ShearY", shear, sin)
    x0 = where("ShearX", shear * (H / 2), where("TranslateX", -shift, zero))
    y0 = where("ShearY", shear * (W / 2), where("TranslateY", -shift, zero))
    y = torch.arange(H, device=device)[:, None] - (H - 1) / 2
    x = torch.arange(W, device=device)[None, :] - (W - 1) / 2

    def coefficient(of_each: Tensor) -> Tensor:
        return of_each[:, None, None]

    source_x = coefficient(xx) * x + coefficient(xy) * y + coefficient(x0) + (W - 1) / 2
    source_y = coefficient(yx) * x + coefficient(yy) * y + coefficient(y0) + (H - 1) / 2
    source_x, source_y = source_x.round().long(), source_y.round().long()
    inside = (source_x >= 0) & (source_x < W) & (source_y >= 0) & (source_y < H)
    flat = source_y.clamp(0, H - 1) * W + source_x.clamp(0, W - 1)
    # Channels last, so that the channels of a pixel stay together.
    rows = images.permute(0, 2, 3, 1).reshape(B * H * W, -1)
    flat = flat + torch.arange(B, device=device)[:, None, None] * (H * W)
    taken = rows.index_select(0, flat.reshape(-1)).view(B, H, W, -1) * inside[..., None]
    return taken.permute(0, 3, 1, 2)


def _grey(pixels: Tensor) -> Tensor:
    """B x C x H x W -> B x 1 x H x W, whole numbers, as in torchvision."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.unbind(1)
    return (red * _GREY[0] + green * _GREY[1] + blue * _GREY[2]).floor()[:, None]


def _sharpened(pixels: Tensor, factor: Tensor) -> Tensor:
    """The images blended with a 3 x 3 blur whose middle pixel weighs five; the border is not blurred."""
    C = pixels.shape[1]
    kernel = pixels.new_full((3, 3), 1 / 13)
    kernel[1, 1].fill_(5 / 13)  # not `=`: an older torch copies that to a GPU, and waits
    inner = torch.nn.functional.conv2d(pixels, kernel.expand(C, 1, 3, 3), groups=C).round()
    blurred = pixels.clone()
    blurred[:, :, 1:-1, 1:-1] = inner
    return _whole(pixels * factor + blurred * (1 - factor))


def _posterized(images: Tensor, strength: Tensor) -> Tensor:
    bits = (8 - strength / ((_BINS - 1) / 6)).round().to(torch.int32)
    low = torch.bitwise_left_shift(torch.ones_like(bits), 8 - bits) - 1
    return images & (255 - low).to(torch.uint8)[:, None, None, None]


def _whole(pixels: Tensor) -> Tensor:
    return pixels.clamp(0, 255).to(torch.uint8)
