"""`preprocess`: from an image to what the network of a run takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archkit.bench.data.pixels import pixels, read_pixels
from archkit.bench.train.results import Result
from archkit.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AnImage", "Preprocess", "preprocess"]

AnImage: TypeAlias = "str | os.PathLike[str] | Image.Image | NDArray[np.uint8] | Tensor"
"""A file's path, an image of Pillow's, or uint8 pixels, ... x C x H x W."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocess:
    """What a run's network is given of an image: its pixels by channel, less `mean`, over `std`.

    Attributes:
        input: C, H, W of what the network takes; C is 1, gray, or 3, RGB.
        mean: of the pixels by channel, 0 to 255.
        std: their standard deviation, likewise.
        resize: whether images of another size are scaled; otherwise they are refused.
    """

    input: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: bool

    def __call__(self, image: AnImage) -> Tensor:
        """The image as float32, C x H x W; of pixels ... x C x H x W, the same shape.

        Raises:
            DataError: it cannot be read, or is not of the network's size.
        """
        import torch

        found = torch.from_numpy(self.pixels(image).copy()) if not isinstance(image, torch.Tensor) else image
        self._check(tuple(found.shape[-3:]), found.dtype == torch.uint8)
        mean, std = (torch.tensor(each, device=found.device)[:, None, None] for each in (self.mean, self.std))
        # The steps of the training, so that the result is the same to the bit.
        return (found.to(torch.float32) - mean) / std

    def pixels(self, image: str | os.PathLike[str] | Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image as uint8 with the network's channels and size, before it is normalised.

        Raises:
            DataError: it cannot be read, or is not of the network's size.
        """
        size = self.input[1:] if self.resize else None
        if isinstance(image, np.ndarray):
            self._check(image.shape[-3:], image.dtype == np.uint8)
            return image
        if isinstance(image, Image.Image):
            found, name = pixels(image, self.input[0], size), "the image"
        else:
            found, name = read_pixels(image, self.input[0], size), os.fspath(image)
        if found.shape != self.input:
            raise DataError(
                f"{name} is {_by(found.shape[1:])}, the network takes {_by(self.input[1:])} (height x width):"
                " --resize, or resize=True, scales it"
            )
        return found

    def _check(self, shape: tuple[int, ...], octets: bool) -> None:
        if not octets:
            raise DataError("pixels must be uint8, 0 to 255")
        if shape != self.input:
            raise DataError(f"pixels must be ... x {_by(self.input)}, not ... x {_by(shape)}")


def preprocess(result: Result, *, resize: bool | None = None) -> Preprocess:
    """What the network of a run is given of an image, as it was in training and testing.

    Args:
        result: the run's, see `archkit.bench.read_result`.
        resize: whether images of another size are scaled; as the run did unless given.

    Raises:
        DataError: the run was recorded by an archkit that did not record this.
    """
    data = result.data
    lacking = [name for name in ("mean", "std") if getattr(data, name) is None]
    if data.mean is None or data.std is None:
        raise DataError(
            f"this run lacks data.{' and data.'.join(lacking)} in its result: it was recorded before archkit"
            " kept by what its images were normalised. Train it again (--force)"
        )
    C, H, W = data.input
    return Preprocess(
        input=(C, H, W),
        mean=data.mean,
        std=data.std,
        resize=data.resized if resize is None else resize,
    )


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
