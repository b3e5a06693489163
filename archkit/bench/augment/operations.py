"""The operations of TrivialAugment, RandAugment and AutoAugment on a whole batch, one drawn for each image.

The operations are those of `torchvision.transforms.v2`, whose transforms draw one operation for the whole
batch that they are given. The operations without a strength are torchvision's own. Every operation is applied
to all images and the one that was drawn is kept, so that shapes are static and nothing waits for the device.
The five operations that move pixels are one gather.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

__all__ = ["OPERATIONS", "Strength", "operated"]

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
    "Invert",  # of AutoAugment alone
)

_GREY: Final = (0.2989, 0.587, 0.114)  # ITU-R 601, as in torchvision


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Strength:
    """How strong each operation would be on each of B images; of every image one is used.

    Attributes:
        shear: B, pixels to the side for each pixel down, or down for each to the side.
        right: B, whole pixels to the right.
        down: B, whole pixels down.
        angle: B, radians.
        factor: B, of brightness, colour, contrast and sharpness: 1 leaves them as they are.
        bits: B, int32, how many of the eight are kept.
        threshold: B, the value from which pixels are turned into their negatives.
    """

    shear: Tensor
    right: Tensor
    down: Tensor
    angle: Tensor
    factor: Tensor
    bits: Tensor
    threshold: Tensor


def operated(images: Tensor, operation: Tensor, strength: Strength, *, invert: bool = False) -> Tensor:
    """Images after the operations that were drawn for them.

    Args:
        images: B x C x H x W, uint8, with C 1 or 3.
        operation: B, an index into `OPERATIONS`.
        strength: of each image.
        invert: whether the last of the `OPERATIONS` can be among them.

    Returns:
        The same in channels-last memory.
    """
    # It takes as long as torch to be imported, and most runs draw no operation.
    from torchvision.transforms.v2 import functional as tv

    factor = strength.factor[:, None, None, None]
    pixels = images.float()
    grey = _grey(pixels)
    changed = _moved(images, operation, strength)
    others: list[tuple[str, Callable[[], Tensor]]] = [
        ("Brightness", lambda: _whole(pixels * factor)),
        (
            "Color",
            lambda: _whole(pixels * factor + grey * (1 - factor)) if images.shape[1] == 3 else images,
        ),
        ("Contrast", lambda: _whole(pixels * factor + grey.mean((1, 2, 3), keepdim=True) * (1 - factor))),
        ("Sharpness", lambda: _sharpened(pixels, factor)),
        ("Posterize", lambda: _posterized(images, strength.bits)),
        (
            "Solarize",
            lambda: torch.where(pixels >= strength.threshold[:, None, None, None], 255 - images, images),
        ),
        ("AutoContrast", lambda: tv.autocontrast_image(images)),
        ("Equalize", lambda: tv.equalize_image(images)),
    ]
    if invert:
        others.append(("Invert", lambda: 255 - images))
    for name, make in others:
        elsewhere = (operation != OPERATIONS.index(name))[:, None, None, None]
        # In this order, the memory format of `changed` is kept.
        changed = torch.where(elsewhere, changed, make())
    return changed


def _moved(images: Tensor, operation: Tensor, strength: Strength) -> Tensor:
    """The images sheared, shifted or rotated to the nearest pixel, black outside; the others as they are."""
    B, _, H, W = images.shape
    device, shear = images.device, strength.shear
    zero, one = shear.new_zeros(B), shear.new_ones(B)

    def where(name: str, there: Tensor, otherwise: Tensor) -> Tensor:
        return torch.where(operation == OPERATIONS.index(name), there, otherwise)

    turned = where("Rotate", strength.angle, zero)
    cos, sin = turned.cos(), turned.sin()
    # source = matrix (x, y) + offset, in pixels from the centre; a shear keeps the upper left corner in
    # place.
    xx, yy = where("Rotate", cos, one), where("Rotate", cos, one)
    xy, yx = where("ShearX", shear, -sin), where("ShearY", shear, sin)
    x0 = where("ShearX", shear * (H / 2), where("TranslateX", -strength.right, zero))
    y0 = where("ShearY", shear * (W / 2), where("TranslateY", -strength.down, zero))
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


def _posterized(images: Tensor, bits: Tensor) -> Tensor:
    low = torch.bitwise_left_shift(torch.ones_like(bits), 8 - bits) - 1
    return images & (255 - low).to(torch.uint8)[:, None, None, None]


def _whole(pixels: Tensor) -> Tensor:
    return pixels.clamp(0, 255).to(torch.uint8)
