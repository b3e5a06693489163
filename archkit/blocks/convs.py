"""Convs whose padding is a choice."""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.lifted import at_least
from archkit.blocks.pen import Pen
from archkit.blocks.sides import Sides

__all__ = ["PADDINGS", "conv", "groups_of"]

PADDINGS: Final = ("symmetric", "same")
"""How a conv with a stride is padded: alike on both sides, or as TensorFlow does it with `SAME`: no more than
the last window needs, and the odd row or column at the end. With a stride of 1 they are one."""


def conv(
    pen: Pen,
    name: str,
    kernel: Sides,
    c_out: Any,
    *,
    stride: int = 1,
    groups: Any = 1,
    bias: bool = False,
    padding: str = "symmetric",
    standardised: bool = False,
    dilation: int = 1,
) -> None:
    """A conv, behind a layer that pads the map where `padding` is `same` and that makes a difference."""
    same = padding == "same" and stride != 1
    if same:
        pen.pad(f"{name}_pad", kernel, stride)
    pen.conv(
        name,
        kernel,
        c_out,
        stride=stride,
        groups=groups,
        bias=bias,
        padding=0 if same else None,
        standardised=standardised,
        dilation=dilation,
    )


def groups_of(pen: Pen, channels: Any, width: int) -> Any:
    """How many groups of `width` channels a conv has; where they are wider than it is, there is none."""
    pen.need(channels >= width, "a conv of stage {stage} has no groups left", "channels")
    # A table also has widths that are refused: they must not be divided by 0.
    return at_least(1, channels // width)
