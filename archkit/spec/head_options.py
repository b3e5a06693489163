"""The options of what stands behind the last stage."""

from __future__ import annotations

from typing import Final

from archkit.blocks.number_sorts import Widths
from archkit.blocks.option import Option, Variant
from archkit.blocks.value_sorts import Whole, Window, Words
from archkit.blocks.values import Range

__all__ = ["OF_HEAD"]

_WIDTH: Final = Range(1, 65_536)

OF_HEAD: Final = (
    Option(
        key="pool",
        values=Window(1, 16_384),
        default=None,
        says="average pooling before the head, or max pooling by windows (VGG)",
        variants=(Variant("global", 13), Variant("2", 13), Variant("4", 13)),
    ),
    Option(
        key="head_norm",
        values=Words(("pooled", "map")),
        default="pooled",
        says="what the head norms: what it has pooled, or the map before that",
    ),
    Option(
        key="head_conv",
        values=Whole(0, 65_536, default=0, samples=(0, 0, 16)),
        default=0,
        says="channels of a 1x1 conv with norm and activation before the pooling (MobileNetV2, EfficientNet)",
        shown="none; a width",
    ),
    Option(
        key="head_hidden",
        values=Widths(_WIDTH, most=4),
        default=(),
        says="linear layers with activations before the last one (MobileNetV3's, VGG's)",
    ),
    Option(
        key="head_bias",
        values=Words(("yes", "no", "norm")),
        default="yes",
        says="whether these have a bias; or they are 1x1 convs of the pooled map, each with a norm instead"
        " (MobileNetV4)",
    ),
)
"""Their rows, in the order in which a canonical text has them."""
