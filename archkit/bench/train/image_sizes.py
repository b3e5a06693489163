"""How large the images are in each epoch: small at first, if the recipe's `resolution` says so."""

from __future__ import annotations

import statistics
from typing import TypeAlias

import torch
from torch import Tensor, nn

from archkit.bench.recipe import Recipe
from archkit.count import totals
from archkit.errors import RunError, SpecError
from archkit.spec import ArchSpec

__all__ = ["Sizes", "first_of_each", "image_sizes", "mean_macs", "resized"]

Sizes: TypeAlias = tuple[tuple[int, int], ...]
"""H and W in each epoch."""


def image_sizes(spec: ArchSpec, recipe: Recipe) -> Sizes | None:
    """The sizes in each epoch; None if all have the network's own.

    Raises:
        RunError: the network cannot be given images so small, or has other weights for them.
    """
    if recipe.resolution.start == 1:
        return None
    C, H, W = spec.input
    shares = [recipe.resolution.share(epoch, recipe.epochs) for epoch in range(recipe.epochs)]
    sizes = tuple((max(1, round(H * share)), max(1, round(W * share))) for share in shares)
    for height, width in set(sizes):
        name = f"resolution.start={recipe.resolution.start:g}, images of {height}x{width}"
        try:
            smaller = totals(spec.replace(input=(C, height, width)))
        except SpecError as error:
            raise RunError(f"{name} are too small for this network: {error.reason}") from error
        if smaller.params != totals(spec).params:
            raise RunError(f"{name} need other weights than those of {H}x{W}")
    return sizes


def mean_macs(spec: ArchSpec, recipe: Recipe) -> float:
    """Multiply-accumulates of a forward pass for one training image, on the mean of the epochs.

    Raises:
        RunError: as `image_sizes`.
    """
    C, H, W = spec.input
    sizes = image_sizes(spec, recipe) or ((H, W),)
    at = {size: int(totals(spec.replace(input=(C, *size))).macs) for size in set(sizes)}
    return statistics.fmean(at[size] for size in sizes)


def first_of_each(sizes: Sizes | None) -> tuple[int, ...]:
    """The first epoch of each size, from 0."""
    return (0,) if sizes is None else tuple(sizes.index(size) for size in dict.fromkeys(sizes))


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """B x C x H x W, float -> the same of another size, bilinearly over all pixels that a new one covers."""
    if images.shape[2:] == size:
        return images
    scaled = nn.functional.interpolate(images, size, mode="bilinear", antialias=True)
    return scaled.contiguous(memory_format=torch.channels_last)
