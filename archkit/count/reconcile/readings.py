"""The ways to read a figure: what it counts, and what its M stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, NamedTuple, TypeAlias

from archkit.count.figure import Figure, parse_figure
from archkit.count.reconcile.variants import Tally
from archkit.errors import BudgetError

__all__ = [
    "KERAS_TOTAL",
    "PLAIN",
    "Quantity",
    "Reading",
    "figure_of",
    "moved_point",
    "other_readings",
    "plain_readings",
]

Quantity: TypeAlias = Literal["params", "macs", "flops"]

PLAIN: Final = {"params": "parameters", "macs": "MACs", "flops": "FLOPs = 2 x MACs"}
"""What a figure of each quantity is taken for first."""

KERAS_TOTAL: Final = "total params as keras counts it"
"""With the moving statistics of batch norm; named as `archkit.count.tools` names what a tool prints."""

_ANY: Final = 99  # changes

_UNIT: Final = re.compile(r"[0-9]\s*([kmgKMG])(?![a-zA-Z]*on)")
_BINARY: Final = {"k": 1, "m": 2, "g": 3}  # powers of 1,024


class Reading(NamedTuple):
    """One way to read a figure; `reading` makes one.

    name: what the figure counts, in words.
    weight: how far-fetched that is, on the scale of `archkit.blocks.option.Variant`.
    number: what a variant prints in this reading.
    figure: the figure, in the units of `number`.
    most_changes: of the notation, that it is combined with.
    cut: whether digits may have been cut off, or the figure must have been rounded.
    slip: whether the figure was misprinted.
    """

    name: str
    weight: int
    number: Callable[[Tally], int]
    figure: Figure
    most_changes: int
    cut: bool = False
    slip: bool = False


def figure_of(given: Figure | str | float) -> Figure:
    """A figure from what a person or a program gives; FLOPs may be given too.

    A float says no more digits than its shortest text: 3.8e9 is rounded to hundreds of millions.

    Raises:
        BudgetError: it is no figure.
    """
    if isinstance(given, float) and 0 < given < float("inf"):
        given = f"{Decimal(repr(given)).normalize():e}"
    figure = given if isinstance(given, Figure) else parse_figure(given, flops=True)
    if figure.counted not in (None, *PLAIN):
        raise BudgetError(f"{figure.text} counts {figure.counted}, not parameters or MACs")
    return figure


def _params(tally: Tally) -> int:
    return tally.params


def _macs(tally: Tally) -> int:
    return tally.macs


def _twice(tally: Tally) -> int:
    return 2 * tally.macs


def plain_readings(figure: Figure, quantity: Quantity) -> tuple[Reading, ...]:
    """The readings that go with any number of changes."""
    of = {"params": _params, "macs": _macs, "flops": _twice}[quantity]
    found = [Reading(PLAIN[quantity], 0, of, figure, _ANY, cut=True)]
    if quantity == "flops":  # many papers call MACs so
        found.append(Reading("MACs", 4, _macs, figure, _ANY, cut=True))
    return tuple(found)


def other_readings(figure: Figure, quantity: Quantity, channels: int) -> tuple[Reading, ...]:
    """The readings that are tried where a plain one does not fit.

    Args:
        figure: what was printed.
        quantity: what it may count.
        channels: of the images.
    """
    if quantity == "params":
        # The layer that normalises the images in Keras's EfficientNets: mean and variance of each channel,
        # and how many values they were taken from. Only published networks have it: nothing else is varied.
        images = 2 * channels + 1
        found = [
            Reading(KERAS_TOTAL, 6, lambda t: t.params + t.moving, figure, 2),
            Reading(
                f"total params with the {images} of the images' normalisation as keras counts it",
                7,
                lambda t: t.params + t.moving + images,
                figure,
                0,
            ),
        ]
    else:
        found = [Reading(PLAIN["flops"], 5, _twice, figure, 1, cut=True)] if quantity == "macs" else []
    unit = _UNIT.search(figure.text)
    if unit is not None and figure.value >= 100 * figure.unit:  # with two digits it could be chance
        letter = unit[1].upper()
        power = _BINARY[letter.lower()]
        binary = _scaled(figure, Fraction(1024**power, 1000**power))
        name = f"{letter} = 2^{10 * power}"
        if quantity == "params":
            found.append(Reading(f"parameters, {name}", 7, _params, binary, 1))
        else:  # rarer: what was counted is not what lies in a memory
            found.append(Reading(f"MACs, {name}", 16, _macs, binary, 0))
    return tuple(found)


def moved_point(figure: Figure, quantity: Quantity) -> tuple[Reading, ...]:
    """The readings of a figure whose decimal point has slipped."""
    readings = []
    for factor in (Fraction(10), Fraction(1, 10)):
        figure_ = _scaled(figure, factor)
        for reading in plain_readings(figure_, quantity):
            name = f"{reading.name}, by a slip of the decimal point"
            readings.append(reading._replace(name=name, weight=90, most_changes=0, cut=False, slip=True))
    return tuple(readings)


def _scaled(figure: Figure, factor: Fraction) -> Figure:
    return Figure(text=figure.text, value=figure.value * factor, unit=figure.unit * factor)
