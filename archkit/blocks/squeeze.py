"""The squeeze-and-excitation of mobile networks: inside the block, on its hidden channels."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.value_sorts import Kinds
from archkit.blocks.widths import divisible, nearest

__all__ = ["NO_SQUEEZE", "SE", "Squeeze", "squeeze_and_excite"]


class Squeeze(NamedTuple):
    """Squeeze-and-excitation inside a block: `none`, `input`, `hidden`, `v3` or `hard`.

    `input` squeezes to the channels that enter the block over `reduction` (EfficientNet), `hidden` to those
    that it scales over `reduction`; both activate as the block does, and end in a sigmoid. `hard` is like
    `hidden`, but has a ReLU and a hard sigmoid (PP-LCNet), and `v3` rounds that to a multiple of 8
    (MobileNetV3).
    """

    kind: str
    reduction: int = 0


NO_SQUEEZE: Final = Squeeze("none")

SE: Final = Option(
    key="se",
    values=Kinds(
        {"none": 0, "input": 4, "hidden": 4, "v3": 4, "hard": 4},
        Squeeze,
        letter="R",
        samples=(NO_SQUEEZE, Squeeze("input", 4), Squeeze("v3", 4), Squeeze("hidden", 3)),
    ),
    default=NO_SQUEEZE,
    by_stage=True,
    says="squeeze-and-excitation inside the block: to the channels that enter it over R (EfficientNet), to"
    " its hidden channels over R, to those rounded to multiples of 8, with a hard sigmoid (MobileNetV3), or"
    " without rounding (PP-LCNet); R is 4 if it is left out",
)
"""The row of the language."""


def squeeze_and_excite(pen: Pen, squeeze: Squeeze, entered: Any, act: str) -> None:
    """Draws the gate, if there is one; its convs have a bias whatever the others have.

    Args:
        pen: at the map that it scales.
        squeeze: what it is.
        entered: channels that enter the block.
        act: activation of the block.
    """
    kind, reduction = squeeze
    if kind == "none":
        return
    hard = kind in ("v3", "hard")

    def factors(pen: Pen) -> None:
        c = pen.c
        pen.squeeze("squeeze")
        if kind == "v3":
            width = divisible(c, 1, reduction, 8)
        else:
            width = nearest(entered if kind == "input" else c, reduction)
        pen.conv("fc1", 1, width, bias=True)
        pen.act("act", "relu" if hard else act)
        pen.conv("fc2", 1, c, bias=True)
        pen.act("gate", "hsigmoid" if hard else "sigmoid")

    pen.gate("se", factors)
