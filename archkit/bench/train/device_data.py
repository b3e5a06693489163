"""`DeviceData`: a data set on the device, as uint8, split as the recipe's protocol says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archkit.bench.data.dataset import DataSet, Part, split
from archkit.bench.data.shards import Shards
from archkit.bench.recipe import Recipe
from archkit.bench.train.initial import Initial
from archkit.bench.train.mapped_images import Images, MappedImages

__all__ = ["DeviceData", "Labelled"]

_AT_ONCE: Final = 2**22  # pixels' values that are summed up at once


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Labelled:
    """Images and labels on a device.

    Attributes:
        images: N x H x W x C, uint8; or as if they were, where they do not fit into memory.
        labels: N, int64.
    """

    images: Images
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, part: Part, device: torch.device) -> Labelled:
        """Copies images and labels to a device; images that are mapped go there batch by batch."""
        images: NDArray[np.uint8] | Shards = part[0]
        labels = torch.from_numpy(part[1].copy()).to(device)
        if isinstance(images, Shards):
            return cls(images=MappedImages(images, device), labels=labels)
        # Always a copy: torch cannot share memory with a read-only array.
        return cls(images=torch.from_numpy(images.transpose(0, 2, 3, 1).copy()).to(device), labels=labels)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeviceData:
    """A data set on a device, split as the recipe's protocol says.

    Attributes:
        train: the images to train on.
        validation: the images set apart; there may be none.
        test: the test set.
        mean: C, float32: the mean of the images to train on, without those set apart, from 0 to 255; or that
            of the run with whose weights one begins.
        std: C, float32: their standard deviation, likewise; 1 if a channel is constant.
    """

    train: Labelled
    validation: Labelled
    test: Labelled
    mean: Tensor
    std: Tensor

    @classmethod
    def of(
        cls, data: DataSet, recipe: Recipe, device: torch.device, *, initial: Initial | None = None
    ) -> DeviceData:
        """Copies a data set to a device; it is normalised as that of the run with whose weights one begins.

        Raises:
            DataError: there are too few images to split.
        """
        kept, apart = split(len(data.train_labels), recipe.protocol.validation)
        if initial is None:
            mean, std = _statistics(data.train_images[kept])
        else:
            mean, std = (np.array(each, np.float32) for each in (initial.mean, initial.std))

        return cls(
            train=Labelled.of((data.train_images[kept], data.train_labels[kept]), device),
            validation=Labelled.of((data.train_images[apart], data.train_labels[apart]), device),
            test=Labelled.of((data.test_images, data.test_labels), device),
            mean=torch.from_numpy(mean).to(device),
            std=torch.from_numpy(std).to(device),
        )


def _statistics(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean and the standard deviation of each channel of N x C x H x W, from exact sums; C each."""
    total = np.zeros(images.shape[1], np.int64)
    squares = np.zeros(images.shape[1], np.int64)
    some = max(1, _AT_ONCE // math.prod(images.shape[1:]))
    for start in range(0, len(images), some):
        chunk = images[start : start + some].astype(np.int32)
        total += chunk.sum((0, 2, 3), dtype=np.int64)
        squares += (chunk * chunk).sum((0, 2, 3), dtype=np.int64)
    count = images.size // images.shape[1]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)
