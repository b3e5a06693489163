"""Channel attention: a gate that scales each channel of a map by a factor of its own."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from archkit.blocks.lifted import at_least, lifted
from archkit.blocks.pen import Pen

__all__ = ["ATTENTION", "NO_ATTENTION", "Attention", "attend", "eca_kernel", "se_width"]


class Attention(NamedTuple):
    """Channel attention: `none`, `se`, `se-plain` or `eca`.

    `se` rounds its squeezed channels to multiples of 8 as timm does, `se-plain` takes the quotient
    alone as Hu et al. do; `eca` is Wang et al.'s.
    reduction: of squeeze-and-excitation (channels over squeezed channels); 0 for the others.
    """

    kind: str
    reduction: int = 0


NO_ATTENTION: Final = Attention("none")

ATTENTION: Final = {"none": 0, "se": 16, "se-plain": 16, "eca": 0}
"""Kinds of attention and their default reduction (Hu et al. 2018, section 6)."""


@lifted
def eca_kernel(channels: int) -> int:
    """Kernel of efficient channel attention at so many channels (Wang et al. 2020, equation 12)."""
    # floor of (log2(C) + 1) / 2, made odd upward; log2 in integers, so that no rounding can differ.
    t = channels.bit_length() // 2
    return max(t if t % 2 else t + 1, 3)


def se_width(kind: str, channels: Any, reduction: int) -> Any:
    """Channels between the two convs of squeeze-and-excitation.

    `se-plain`: the quotient `channels / reduction`, and 1 at least (Hu et al. 2018). `se`: to the
    nearest 8, halves rounded up, and 8 at least, as timm does it (`make_divisible` with a
    `round_limit` of 0).
    """
    if kind == "se-plain":
        return at_least(1, channels // reduction)
    # int(channels / reduction + 4) // 8 * 8 in timm: the same in integers.
    return at_least(8, (channels + 4 * reduction) // (8 * reduction) * 8)


def attend(pen: Pen, attention: Attention) -> None:
    """Draws the gate; its convs have a bias whatever the others have."""
    kind, reduction = attention
    if kind == "none":
        return

    def squeeze_and_excite(pen: Pen) -> None:
        c = pen.c
        pen.squeeze("squeeze")
        pen.conv("fc1", 1, se_width(kind, c, reduction), bias=True)
        pen.act("relu")
        pen.conv("fc2", 1, c, bias=True)
        pen.act("sigmoid", "sigmoid")

    def along_the_channels(pen: Pen) -> None:
        pen.squeeze("squeeze")
        pen.conv1d("conv", eca_kernel(pen.c))
        pen.act("sigmoid", "sigmoid")

    pen.gate("attn", along_the_channels if kind == "eca" else squeeze_and_excite)
