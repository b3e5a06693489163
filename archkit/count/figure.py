"""Figures as people print them: `3.15M`, `0.19M`, `4,697,742`, `5e6`.

Every figure is read exactly, as a fraction; no float is ever in between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from archkit.errors import BudgetError

__all__ = ["Figure", "Fit", "parse_figure"]

Fit: TypeAlias = Literal["exact", "rounded", "cut"]
"""How a number can have become a printed figure."""

_UNITS: Final = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12}
_FIGURE: Final = re.compile(
    r"(?P<digits>[0-9][0-9_,]*)(?:\.(?P<fraction>[0-9]+))?(?:e(?P<power>\+?[0-9]{1,2}))?\s*(?P<unit>[kmgbt]?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A printed figure: `value`, and what one unit of its last digit is worth.

    Attributes:
        text: as it was printed.
        value: what it says.
        unit: 10,000 for 3.15M; 1 where every digit was printed.
    """

    text: str
    value: Fraction
    unit: Fraction

    def fit(self, number: int) -> Fit | None:
        """How `number` prints as this figure: rounded to it, cut off at it, or not at all (None).

        Halves may have been rounded up or to even.

        >>> parse_figure("0.19M").fit(195_738)
        'cut'
        >>> parse_figure("3.15M").fit(3_152_410)
        'rounded'
        """
        gap = number - self.value
        if gap == 0:
            return "exact"
        if self.unit <= 1:
            return None
        if abs(gap) * 2 <= self.unit:
            return "rounded"
        return "cut" if 0 <= gap < self.unit else None


def parse_figure(text: str) -> Figure:
    """Reads a figure.

    >>> parse_figure("5e6").value
    Fraction(5000000, 1)
    >>> parse_figure("3.15M").unit
    Fraction(10000, 1)

    Raises:
        BudgetError: the text is not a figure.
    """
    found = _FIGURE.fullmatch(text.strip())
    if found is None or len(text) > 40:
        raise BudgetError(f"{text[:40]!r} is not a figure; write 4,980,234 or 4.98M or 5e6")
    digits = found["digits"].replace(",", "").replace("_", "")
    fraction = found["fraction"] or ""
    power = int(found["power"] or 0) + _UNITS[found["unit"].lower()]
    value = Fraction(f"{digits}.{fraction or 0}") * 10**power
    return Figure(text=text, value=value, unit=Fraction(10) ** (power - len(fraction)))
