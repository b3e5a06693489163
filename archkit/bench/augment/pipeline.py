"""`training_batch`: from uint8 images on the device to what the network is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archkit.bench.augment import geometry
from archkit.bench.augment.erasing import draw_cutout, draw_erasing
from archkit.bench.augment.mixing import Mix, draw_mix, mix
from archkit.bench.augment.trivial import draw_trivial, trivial
from archkit.bench.recipe import Augment
from archkit.errors import RunError

__all__ = ["check_augment", "normalised", "training_batch"]


def check_augment(augment: Augment, shape: Sequence[int]) -> None:
    """Raises RunError if images of H x W x C cannot be augmented like that."""
    H, W, C = shape
    if augment.pad >= min(H, W) and augment.pad_mode == "reflect":
        raise RunError(f"augment.pad={augment.pad} cannot be reflected in images of {H}x{W}")
    if augment.trivial and (C not in (1, 3) or min(H, W) < 3):
        raise RunError(
            f"augment.trivial takes images of 3x3 pixels and more in 1 or 3 channels, not {C}x{H}x{W}"
        )


def training_batch(
    images: Tensor, index: Tensor, augment: Augment, generator: torch.Generator, *, mean: Tensor, std: Tensor
) -> tuple[Tensor, Mix | None]:
    """The images `index`, augmented and normalised.

    In this order: rotation, flip and crop; TrivialAugment; normalisation; cutout and random erasing, whose
    pixels get the mean, which is 0 by now; mixup and CutMix.

    Args:
        images: N x H x W x C, uint8, on the device.
        index: B, which of them.
        augment: the recipe's augmentation.
        generator: for all draws, on the device.
        mean: C x 1 x 1, of the pixels.
        std: C x 1 x 1, likewise.

    Returns:
        B x C x H x W, float32, in channels-last memory; and how the images were mixed, or None.
    """
    B, (H, W) = len(index), images.shape[1:3]
    draws = geometry.draw(B, augment, generator)
    batch = geometry.apply(images, index, draws, pad=augment.pad, pad_mode=augment.pad_mode)
    if augment.trivial:
        batch = trivial(batch, draw_trivial(B, generator))
    pixels = normalised(batch, mean, std)
    if augment.cutout:
        # Not masked_fill, which does not keep the memory format.
        pixels = torch.where(draw_cutout(B, H, W, augment.cutout, generator), 0.0, pixels)
    if augment.erase:
        pixels = torch.where(draw_erasing(B, H, W, augment.erase, generator), 0.0, pixels)
    if not augment.mixes:
        return pixels, None
    drawn = draw_mix(B, H, W, augment, generator)
    return mix(pixels, drawn), drawn


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """B x C x H x W, uint8 -> float32 of mean 0 and deviation 1, in the same memory format."""
    return (images.to(torch.float32) - mean) / std
