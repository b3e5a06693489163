"""Dilations in the place of strides, for segmentation (Chen et al. 2017, DeepLab v3)."""

from __future__ import annotations

from typing import Final, NamedTuple

from archkit.blocks.option import Option
from archkit.blocks.value_sorts import Whole

__all__ = ["OUTPUT_STRIDE", "Dilation"]


class Dilation(NamedTuple):
    """The dilations of a stage: that of its first conv, and that of all others."""

    entering: int = 1
    further: int = 1

    def of_block(self, kernel: int, *, first: bool) -> int:
        """The dilation of the only conv of a block that has one; a 1x1 conv has none."""
        return 1 if kernel == 1 else self.entering if first else self.further


OUTPUT_STRIDE: Final = Option(
    key="output_stride",
    values=Whole(0, 1024, default=0, samples=(0, 4, 8)),
    default=0,
    says="once the map is smaller than the image by this, strides become dilations, for segmentation"
    " (DeepLab); 0 leaves them as they are",
)
"""In the setting of a stage it is the stage's `Dilation`."""
