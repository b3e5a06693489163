"""The squeeze-and-excitation of mobile networks: inside the block, on its hidden channels."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.value_sorts import Kinds
from archkit.blocks.widths import divisible, nearest

__all__ = ["NO_SQUEEZE", "SE", "Squeeze", "squeeze_and_excite", "squeezes"]


class Squeeze(NamedTuple):
    """Squeeze-and-excitation inside a block: `none`, or a key of `_KINDS`.

    `input` squeezes to the channels that enter the block over `reduction` (EfficientNet), `hidden` to those
    that it scales over `reduction`; both activate as the block does, and end in a sigmoid. `hard` is like
    `hidden`, but has a ReLU and a hard sigmoid (PP-LCNet), and `v3` rounds that to a multiple of 8
    (MobileNetV3). `hidden-hard` is like `hidden` with a hard sigmoid, and `fbnet` like `input` with one,
    rounded to a multiple of 8 that is no more than a twentieth below (FBNetV3).
    """

    kind: str
    reduction: int = 0


NO_SQUEEZE: Final = Squeeze("none")


class _Kind(NamedTuple):
    """How a gate of a kind is drawn.

    of_input: whether its channels follow those that enter the block, not those that it scales.
    act: its first activation, unless that is the block's.
    hard: whether it ends in a hard sigmoid.
    least: percent that rounding to multiples of 8 leaves; 0 where it is to whole numbers.
    """

    of_input: bool = False
    act: str | None = None
    hard: bool = False
    least: int = 0


_KINDS: Final = {
    "input": _Kind(of_input=True),
    "hidden": _Kind(),
    "v3": _Kind(act="relu", hard=True, least=90),
    "hard": _Kind(act="relu", hard=True),
    "hidden-hard": _Kind(hard=True),
    "fbnet": _Kind(of_input=True, hard=True, least=95),
}

_MOST: Final = 65  # divisors that `squeezes` tries, and no more

SE: Final = Option(
    key="se",
    values=Kinds(
        {"none": 0, **dict.fromkeys(_KINDS, 4)},
        Squeeze,
        letter="R",
        samples=(NO_SQUEEZE, Squeeze("input", 4), Squeeze("v3", 4), Squeeze("hidden", 3)),
    ),
    default=NO_SQUEEZE,
    by_stage=True,
    says="squeeze-and-excitation inside the block: to the channels that enter it over R (EfficientNet), to"
    " its hidden channels over R, to those rounded to multiples of 8, with a hard sigmoid (MobileNetV3), or"
    " without rounding (PP-LCNet; `hidden-hard` activates as the block does), or to those that enter it,"
    " rounded, with a hard sigmoid (FBNetV3); R is 4 if it is left out",
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
    if squeeze.kind == "none":
        return
    kind = _KINDS[squeeze.kind]

    def factors(pen: Pen) -> None:
        c = pen.c
        pen.squeeze("squeeze")
        pen.conv("fc1", 1, _width(squeeze, entered, c), bias=True)
        pen.act("act", kind.act or act)
        pen.conv("fc2", 1, c, bias=True)
        pen.act("gate", "hsigmoid" if kind.hard else "sigmoid")

    pen.gate("se", factors)


def _width(squeeze: Squeeze, entered: Any, c: Any) -> Any:
    """Channels between the two convs, of those that enter the block and those that are scaled."""
    kind, over = _KINDS[squeeze.kind], squeeze.reduction
    of = entered if kind.of_input else c
    return divisible(of, 1, over, 8, kind.least) if kind.least else nearest(of, over)


def squeezes(entered: int, c: int, width: int, *, act: str, of_block: str, hard: bool) -> tuple[Squeeze, ...]:
    """What the language may call a gate that is there, the likeliest first.

    Args:
        entered: channels that enter the block.
        c: those that it scales.
        width: those between its two convs.
        act: its first activation.
        of_block: the activation of the block.
        hard: whether it ends in a hard sigmoid.
    """
    kinds = [name for name, kind in _KINDS.items() if kind.hard == hard and (kind.act or of_block) == act]
    every = [Squeeze(name, over) for over in (4, *range(1, 4), *range(5, _MOST)) for name in kinds]
    return tuple(one for one in every if _width(one, entered, c) == width)
