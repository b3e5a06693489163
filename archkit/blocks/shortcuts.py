"""What stands on a shortcut where the stride or the channels change, by the words of `shortcut=`."""

from __future__ import annotations

from typing import Any

from archkit.blocks.norms import Norm, normalise
from archkit.blocks.pen import Pen

__all__ = ["draw_shortcut"]


def draw_shortcut(
    pen: Pen,
    kind: str,
    c_out: Any,
    stride: int,
    *,
    bias: bool = False,
    norm: Norm | None = None,
    standardised: bool = False,
) -> None:
    """Draws it.

    Args:
        pen: at what enters the shortcut.
        kind: `conv1`, `conv3`, `avg` or `pad`.
        c_out: channels that leave it.
        stride: of the block.
        bias: whether its conv has one.
        norm: behind its conv, if there is one.
        standardised: whether the weights of its conv are.
    """
    if kind == "pad":
        c_in = pen.c
        pen.need(
            c_in <= c_out,  # it can only add channels
            "shortcut=pad cannot take {c_in} channels to fewer in stage {stage}",
            "shortcut",
            c_in=c_in,
        )
        pen.zero_pad("pad", c_out, stride)
        return
    if kind == "avg" and stride != 1:
        pen.pool("pool", "avg_pool", stride, stride, ceil=True)
    kernel, stride = 3 if kind == "conv3" else 1, 1 if kind == "avg" else stride
    pen.conv("conv", kernel, c_out, stride=stride, bias=bias, standardised=standardised)
    if norm is not None:
        normalise(pen, "norm", norm)
