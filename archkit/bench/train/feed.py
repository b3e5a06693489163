"""`Feed`: which training images are in a batch, and what the network is given of them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import islice
from typing import Final

import torch
from torch import Tensor

from archkit.bench.augment.mixing import Mix
from archkit.bench.augment.patches import Patches
from archkit.bench.augment.pipeline import augmented, check_augment, mixed
from archkit.bench.augment.policies import policy_table
from archkit.bench.recipe import Recipe
from archkit.bench.train.batches import first_flips, images_each_epoch, stream
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.mapped_images import MappedImages, batch_of, read_ahead

__all__ = ["Feed"]

_AT_ONCE: Final = 2**22
"""Pixels, 4,096 images of 32x32. To augment a batch by `strong` takes 330 launches whatever its size, and the
steps of a small network wait for them."""


class Feed:
    """The training images of a run, batch by batch.

    On a CPU a batch is augmented when its step is taken; on a GPU those of several steps are, together.

    Args:
        data: the images, on the device.
        recipe: how to train.
        seed: the seed of the run.
        device: where to train.
        together: how many batches are augmented at once; None for as many as the device gains from.

    Raises:
        RunError: the recipe does not fit the data.
    """

    def __init__(
        self,
        data: DeviceData,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        together: int | None = None,
    ) -> None:
        self._train, self._recipe, self._device = data.train, recipe, device
        self.images = images_each_epoch(len(data.train), recipe)
        _, H, W, C = data.train.images.shape
        check_augment(recipe.augment, (H, W, C))
        self.mean, self.std = data.mean[:, None, None], data.std[:, None, None]
        self.generator = torch.Generator(device).manual_seed(stream(seed, 1))
        self._policy = policy_table(recipe.augment, device)
        self._flipped = first_flips(len(data.train), seed, device) if recipe.augment.alternate else None
        if together is None:
            gains = device.type == "cuda" and not isinstance(data.train.images, MappedImages)
            together = max(1, _AT_ONCE // (recipe.batch_size * H * W)) if gains else 1
        self._together = together

    def batches(self) -> tuple[Tensor, ...]:
        """The indices of an epoch's batches, in an order drawn for it."""
        order = torch.randperm(len(self._train), generator=self.generator, device=self._device)
        return torch.split(order[: self.images], self._recipe.batch_size)

    def ready(self, batches: Iterable[Tensor], epoch: int) -> Generator[tuple[Tensor, Tensor], None, None]:
        """The indices of each batch, B, and its images, as `pixels` has them."""
        with read_ahead(self._train.images, batches) as each:
            waiting = iter(each)
            while some := tuple(islice(waiting, self._together)):
                if len(some) == 1:
                    yield some[0], self.pixels(some[0], epoch)
                    continue
                sizes = [len(index) for index in some]
                pixels = self.pixels(torch.cat(some), epoch)
                yield from zip(some, torch.split(pixels, sizes), strict=True)

    def pixels(self, index: Tensor, epoch: int) -> Tensor:
        """The images `index`, augmented and normalised, but not mixed with each other.

        Args:
            index: B, which images.
            epoch: from 0, for flips that take turns.

        Returns:
            B x C x H x W, float32, in channels-last memory.
        """
        images, within = batch_of(self._train.images, index)
        return augmented(
            images,
            within,
            self._recipe.augment,
            self.generator,
            mean=self.mean,
            std=self.std,
            flipped=None if self._flipped is None else self._flipped[index] ^ bool(epoch % 2),
            policy=self._policy,
        )

    def mixed(self, pixels: Tensor) -> tuple[Tensor, Mix | Patches | None]:
        """The images of a batch mixed with each other, and how; B x C x H x W -> the same."""
        return mixed(pixels, self._recipe.augment, self.generator)
