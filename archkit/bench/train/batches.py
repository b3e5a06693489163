"""What is known of an epoch before it begins: how many images it takes, and the seeds of its draws."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from archkit.bench.recipe import Recipe
from archkit.errors import RunError

__all__ = ["first_flips", "images_each_epoch", "stream"]


def stream(seed: int, number: int) -> int:
    """A seed from the run's, which is that of the weights: 1 of order and augmentation, 2 of first flips.

    With the run's seed, a generator on the CPU would draw the same numbers again that made the weights.
    """
    child = np.random.SeedSequence(seed).spawn(number + 1)[number]
    return int(child.generate_state(1, np.uint64)[0])


def images_each_epoch(images: int, recipe: Recipe) -> int:
    """How many images an epoch trains on: whole batches and, unless that is dropped, what is left."""
    left = images % recipe.batch_size
    if recipe.drop_last and images < recipe.batch_size:
        raise RunError(
            f"a batch of {recipe.batch_size} is larger than the {images} training images, and this recipe"
            " drops what does not fill a batch; a smaller --batch-size is needed"
        )
    # Batch norm cannot train on one value for each channel, which a last batch of one image may leave.
    used = images - left if recipe.drop_last or left == 1 else images
    if not used:
        raise RunError("one training image is not enough: batch norm needs two")
    return used


def first_flips(images: int, seed: int, device: torch.device) -> Tensor:
    """Which images are flipped in the first epoch, N bool.

    They have a stream of their own, so that they are the same for a run that goes on from a checkpoint.
    """
    chance = torch.Generator(device).manual_seed(stream(seed, 2))
    return torch.rand(images, generator=chance, device=device) < 0.5
