"""From uint8 images on the device to what the network is given, and the loss of that."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archkit.bench.augment import geometry
from archkit.bench.augment.erasing import draw_cutout, draw_erasing
from archkit.bench.augment.mixing import Mix, draw_mix, mix, mixed_loss
from archkit.bench.augment.patches import Patches, draw_patches, patched, patches_loss
from archkit.bench.augment.policies import draw_autoaugment, draw_randaugment, with_policy
from archkit.bench.augment.trivial import draw_trivial, trivial
from archkit.bench.recipe import Augment
from archkit.errors import RunError

__all__ = ["augmented", "check_augment", "loss_of", "mixed", "normalised"]


def check_augment(augment: Augment, shape: Sequence[int]) -> None:
    """Raises RunError if images of H x W x C cannot be augmented like that."""
    H, W, C = shape
    if augment.pad >= min(H, W) and augment.pad_mode == "reflect":
        raise RunError(f"augment.pad={augment.pad} cannot be reflected in images of {H}x{W}")
    if augment.policy is not None and (C not in (1, 3) or min(H, W) < 3):
        raise RunError(
            f"augment.{augment.policy} takes images of 3x3 pixels and more in 1 or 3 channels, not"
            f" {C}x{H}x{W}"
        )


def augmented(
    images: Tensor,
    index: Tensor,
    augment: Augment,
    generator: torch.Generator,
    *,
    mean: Tensor,
    std: Tensor,
    flipped: Tensor | None = None,
    policy: Tensor | None = None,
) -> Tensor:
    """The images `index`, augmented each by itself, and normalised.

    In this order: rotation, flip and crop; TrivialAugment, RandAugment or AutoAugment; normalisation; cutout
    and random erasing, whose pixels get the mean, which is 0 by now.

    Args:
        images: N x H x W x C, uint8, on the device.
        index: B, which of them.
        augment: the recipe's augmentation.
        generator: for all draws, on the device.
        mean: C x 1 x 1, of the pixels.
        std: C x 1 x 1, likewise.
        flipped: B, bool, which images are flipped, if `augment.alternate` says that it is no chance.
        policy: that of AutoAugment, if there is one; see `policy_table`.

    Returns:
        B x C x H x W, float32, in channels-last memory.
    """
    B, (H, W) = len(index), images.shape[1:3]
    draws = geometry.draw(B, augment, generator, flipped=flipped)
    batch = geometry.apply(images, index, draws, pad=augment.pad, pad_mode=augment.pad_mode)
    if augment.trivial:
        batch = trivial(batch, draw_trivial(B, generator))
    elif augment.randaugment:
        batch = with_policy(batch, draw_randaugment(B, augment, generator), invert=False)
    elif policy is not None:
        batch = with_policy(batch, draw_autoaugment(B, policy, generator), invert=True)
    pixels = normalised(batch, mean, std)
    if augment.cutout:
        # Not masked_fill, which does not keep the memory format.
        pixels = torch.where(draw_cutout(B, H, W, augment.cutout, generator), 0.0, pixels)
    if augment.erase:
        pixels = torch.where(draw_erasing(B, H, W, augment.erase, generator), 0.0, pixels)
    return pixels


def mixed(
    pixels: Tensor, augment: Augment, generator: torch.Generator
) -> tuple[Tensor, Mix | Patches | None]:
    """The images of a batch mixed with each other by mixup and CutMix, or RICAP.

    Args:
        pixels: B x C x H x W, as `augmented` returns them.
        augment: the recipe's augmentation.
        generator: for all draws, on the device.

    Returns:
        The same, in channels-last memory; and how the images were mixed, or None.
    """
    B, _, H, W = pixels.shape
    if augment.patches:
        made_up = draw_patches(B, H, W, augment, generator)
        return patched(pixels, made_up), made_up
    if not augment.mixes:
        return pixels, None
    drawn = draw_mix(B, H, W, augment, generator)
    return mix(pixels, drawn), drawn


def loss_of(logits: Tensor, labels: Tensor, drawn: Mix | Patches | None, *, label_smoothing: float) -> Tensor:
    """Mean cross entropy against the labels of images that were mixed as drawn, or not at all."""
    if isinstance(drawn, Mix):
        return mixed_loss(logits, labels, drawn, label_smoothing=label_smoothing)
    if isinstance(drawn, Patches):
        return patches_loss(logits, labels, drawn, label_smoothing=label_smoothing)
    return torch.nn.functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)


def normalised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """B x C x H x W, uint8 -> float32 of mean 0 and deviation 1, in the same memory format."""
    return (images.to(torch.float32) - mean) / std
