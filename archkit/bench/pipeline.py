"""What becomes of a training batch, from uint8 images on the device to what the network is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archkit.bench import augment
from archkit.bench.erasing import draw_cutout, draw_erasing
from archkit.bench.mixing import Mix, draw_mix, mix
from archkit.bench.recipe import Augment
from archkit.bench.trivial import draw_trivial, trivial
from archkit.errors import RunError

__all__ = ["check_augment", "normalised", "training_batch"]


def check_augment(plan: Augment, shape: Sequence[int]) -> None:
    """Raises RunError where images of H x W x C cannot be augmented like that."""
    H, W, C = shape
    if plan.pad >= min(H, W) and plan.pad_mode == "reflect":
        raise RunError(f"augment.pad={plan.pad} cannot be reflected in images of {H}x{W}")
    if plan.trivial and (C not in (1, 3) or min(H, W) < 3):
        raise RunError(
            f"augment.trivial takes images of 3x3 pixels and more in 1 or 3 channels, not {C}x{H}x{W}"
        )


def training_batch(
    images: Tensor, index: Tensor, plan: Augment, generator: torch.Generator, *, mean: Tensor, std: Tensor
) -> tuple[Tensor, Mix | None]:
    """The images `index`, augmented and normalised.

    The order: rotation, flip and crop; TrivialAugment; normalisation; cutout and random erasing, which
    show the mean, now 0; mixup and CutMix.

    Args:
        images: N x H x W x C, uint8, on the device.
        index: B, which of them.
        plan: the recipe's.
        generator: of all draws, on the device.
        mean: C x 1 x 1, of the pixels.
        std: C x 1 x 1.

    Returns:
        B x C x H x W, float32, in channels-last memory; how the images were mixed, None where they are not.
    """
    B, (H, W) = len(index), images.shape[1:3]
    draws = augment.draw(B, plan, generator)
    batch = augment.apply(images, index, draws, pad=plan.pad, pad_mode=plan.pad_mode)
    if plan.trivial:
        batch = trivial(batch, draw_trivial(B, generator))
    pixels = normalised(batch, mean, std)
    if plan.cutout:
        # Not masked_fill, which gives up the memory format.
        pixels = torch.where(draw_cutout(B, H, W, plan.cutout, generator), 0.0, pixels)
    if plan.erase:
        pixels = torch.where(draw_erasing(B, H, W, plan.erase, generator), 0.0, pixels)
    if not plan.mixes:
        return pixels, None
    drawn = draw_mix(B, H, W, plan, generator)
    return mix(pixels, drawn), drawn


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """B x C x H x W, uint8 -> float32 of mean 0 and deviation 1, in the same memory format."""
    return (images.to(torch.float32) - mean) / std
