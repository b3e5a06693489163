"""Rotation, flip and crop of a whole batch on the device, each image with its own draw.

Rotation to the nearest pixel, flip and crop move pixels without changing them. Together they are one map from
target to source pixels, so that a batch is one gather from the data set. torchvision's transforms draw once
for the whole batch that they are given: a draw for each image would mean a call for each image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from archkit.bench.recipe import Augment, PadMode

__all__ = ["Draws", "apply", "draw", "gather"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Draws:
    """What was drawn for each of B images; None where the recipe leaves something out.

    Attributes:
        angle: B, degrees, counter-clockwise.
        flip: B, bool.
        top: B, the first row of the crop in the padded image.
        left: B, its first column.
    """

    angle: Tensor | None = None
    flip: Tensor | None = None
    top: Tensor | None = None
    left: Tensor | None = None


def draw(batch: int, augment: Augment, generator: torch.Generator, *, flipped: Tensor | None = None) -> Draws:
    """Draws for `batch` images, on the generator's device.

    Args:
        batch: B.
        augment: the recipe's augmentation.
        generator: for the draws.
        flipped: B, bool, which images are flipped, where this is not left to chance.
    """
    device = generator.device

    def uniform() -> Tensor:
        return torch.rand(batch, generator=generator, device=device)

    def offset() -> Tensor:
        return torch.randint(0, 2 * augment.pad + 1, (batch,), generator=generator, device=device)

    return Draws(
        angle=(2 * uniform() - 1) * augment.rotate if augment.rotate else None,
        flip=flipped if flipped is not None else uniform() < augment.flip if augment.flip else None,
        top=offset() if augment.pad else None,
        left=offset() if augment.pad else None,
    )


def gather(images: Tensor, index: Tensor) -> Tensor:
    """Images without a change: N x H x W x C and B indices -> B x C x H x W in channels-last memory."""
    return images[index].permute(0, 3, 1, 2)


def apply(images: Tensor, index: Tensor, draws: Draws, *, pad: int, pad_mode: PadMode) -> Tensor:
    """The images `index`, rotated, flipped and cropped as drawn.

    Args:
        images: N x H x W x C, uint8, on the device.
        index: B, which of them.
        draws: what was drawn for each of them.
        pad: pixels added on each side before the crop, if there is a crop.
        pad_mode: what the added pixels show.

    Returns:
        B x C x H x W, uint8, in channels-last memory. Pixels that come from outside the image are 0.
    """
    if draws.angle is None and draws.flip is None and draws.top is None:
        return gather(images, index)
    _, H, W, C = images.shape
    B, device = len(index), images.device
    # From the target back to the source: each step says which pixel an output pixel comes from.
    y = torch.arange(H, device=device).expand(B, H)
    x = torch.arange(W, device=device).expand(B, W)
    inside: Tensor | None = None
    if draws.top is not None and draws.left is not None:
        y, x = y + draws.top[:, None] - pad, x + draws.left[:, None] - pad
        if pad_mode == "reflect":
            y, x = _reflected(y, H), _reflected(x, W)
        else:
            inside = _within(y, H)[:, :, None] & _within(x, W)[:, None, :]
    if draws.flip is not None:
        x = torch.where(draws.flip[:, None], W - 1 - x, x)
    y, x = y[:, :, None], x[:, None, :]
    if draws.angle is not None:
        y, x = _rotated(y, x, draws.angle, H, W)
        turned_in = _within(y, H) & _within(x, W)
        inside = turned_in if inside is None else inside & turned_in
    flat = (index[:, None, None] * H + y.clamp(0, H - 1)) * W + x.clamp(0, W - 1)
    pixels = images.view(-1, C).index_select(0, flat.reshape(-1)).view(B, H, W, C)
    if inside is not None:
        pixels = pixels * inside[..., None]
    return pixels.permute(0, 3, 1, 2)


def _within(position: Tensor, size: int) -> Tensor:
    return (position >= 0) & (position < size)


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions reflected at the first and the last pixel, without repeating those two."""
    position = position.abs()
    return torch.where(position >= size, 2 * (size - 1) - position, position)


def _rotated(y: Tensor, x: Tensor, angle: Tensor, H: int, W: int) -> tuple[Tensor, Tensor]:
    """Where the pixels at `y`, `x` come from when the image is turned about its centre; B x H x W each."""
    radians = (angle * (math.pi / 180))[:, None, None]
    cos, sin = radians.cos(), radians.sin()
    down, right = y - (H - 1) / 2, x - (W - 1) / 2
    source_x = cos * right - sin * down + (W - 1) / 2
    source_y = sin * right + cos * down + (H - 1) / 2
    return source_y.round().long(), source_x.round().long()
