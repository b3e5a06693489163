"""Figures as people print them: `3.15M`, `0.19M`, `4,697,742`, `5e6`, `64KiB`.

Every figure is read exactly, as a fraction; no float is ever in between.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Integral, Real
from typing import Final, Literal, TypeAlias

from archkit.errors import BudgetError

__all__ = ["Counted", "Figure", "Fit", "as_bytes", "parse_figure"]

Fit: TypeAlias = Literal["exact", "rounded", "cut"]
"""How a number can have become a printed figure."""

Counted: TypeAlias = Literal["params", "macs", "flops", "bytes"]
"""What a figure says that it counts: `25.6M params`, `4.1 GMACs`, `8.2 GFLOPs`, `64KiB`."""

_UNITS: Final = {
    "": 0,
    "k": 3,
    "thousand": 3,
    "m": 6,
    "million": 6,
    "g": 9,
    "b": 9,
    "billion": 9,
    "t": 12,
    "trillion": 12,
}
_COUNTED: Final[dict[str, Counted]] = {
    "param": "params",
    "params": "params",
    "parameter": "params",
    "parameters": "params",
    "mac": "macs",
    "macs": "macs",
    "flop": "flops",
    "flops": "flops",
}
# kB is 1,000 bytes and KiB 1,024 (IEC 80000-13). KB is not here: data sheets mean 1,024 by it, disks 1,000.
_BYTES: Final = {
    "byte": 1,
    "bytes": 1,
    **{f"{letter}b": 10**power for letter, power in zip("kmgt", (3, 6, 9, 12), strict=True)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}
# Digits may stand in groups of three, set apart by a comma or by "_". The first group may not begin with 0:
# whoever writes 0,270M writes a decimal comma.
_FIGURE: Final = re.compile(
    r"(?P<digits>[0-9]+|[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:_[0-9]{3})+))"
    r"(?:\.(?P<fraction>[0-9]+))?(?:e(?P<power>\+?[0-9]{1,2}))?"
    rf"\s*(?:(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})\s*(?P<counted>{'|'.join(_COUNTED)}|)"
    rf"|(?P<bytes>{'|'.join(_BYTES)}))",
    re.IGNORECASE,
)
_AMBIGUOUS: Final = ("KB", "Kb", "kb")
_MOST: Final = 40  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A printed figure: `value`, and what one unit of its last digit is worth.

    Attributes:
        text: as it was printed.
        value: what it says.
        unit: 10,000 for 3.15M; 1 where every digit was printed.
        counted: what it says that it counts, or None.
        window: the least and the largest number that can print so; most numbers of a search lie outside.
    """

    text: str
    value: Fraction
    unit: Fraction
    counted: Counted | None = None
    window: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        window = math.floor(self.value - self.unit / 2), math.ceil(self.value + self.unit)
        object.__setattr__(self, "window", window)

    def fit(self, number: int) -> Fit | None:
        """How `number` prints as this figure: rounded to it, cut off at it, or not at all (None).

        Halves may have been rounded up or to even.

        >>> parse_figure("0.19M").fit(195_738)
        'cut'
        >>> parse_figure("3.15M").fit(3_152_410)
        'rounded'
        """
        if not self.window[0] <= number <= self.window[1]:
            return None
        gap = number - self.value
        if gap == 0:
            return "exact"
        if self.unit <= 1:
            return None
        if abs(gap) * 2 <= self.unit:
            return "rounded"
        return "cut" if 0 <= gap < self.unit else None


def parse_figure(text: str | float, *, flops: bool = False) -> Figure:
    """Reads a figure: a text as people print it, or a number.

    FLOPs are taken only where somebody asks what they stand for (`flops`): a limit of so many FLOPs may be
    meant as so many MACs, or half of them.

    >>> parse_figure("5e6").value
    Fraction(5000000, 1)
    >>> parse_figure("3.15M").unit
    Fraction(10000, 1)
    >>> parse_figure("25.6 million").value
    Fraction(25600000, 1)
    >>> parse_figure("4.1 GMACs").counted
    'macs'
    >>> parse_figure(5_000_000).value
    Fraction(5000000, 1)
    >>> parse_figure("64KiB").value
    Fraction(65536, 1)

    Raises:
        BudgetError: it is not a figure.
    """
    if not isinstance(text, str):
        return _number(text)
    found = _FIGURE.fullmatch(text.strip()) if len(text) <= _MOST else None
    flops_here = found is not None and _COUNTED.get((found["counted"] or "").lower()) == "flops"
    if found is None or (flops_here and not flops) or (found["bytes"] or "").endswith(_AMBIGUOUS):
        raise BudgetError(f"{text[:_MOST]!r} is not a figure; {_hint(text.strip()[:_MOST])}")
    digits = found["digits"].replace(",", "").replace("_", "")
    fraction = found["fraction"] or ""
    size, counted = _unit(found)
    size *= 10 ** int(found["power"] or 0)
    value = Fraction(f"{digits}.{fraction or 0}") * size
    return Figure(text=text, value=value, unit=Fraction(size, 10 ** len(fraction)), counted=counted)


def _unit(found: re.Match[str]) -> tuple[int, Counted | None]:
    """What a figure's unit is worth, and what it counts."""
    if found["bytes"] is not None:
        return _BYTES[found["bytes"].lower()], "bytes"
    return 10 ** _UNITS[found["unit"].lower()], _COUNTED.get(found["counted"].lower())


def _number(number: object) -> Figure:
    """A number as the figure that it is exactly."""
    if not isinstance(number, bool) and isinstance(number, Integral | Real):
        exact = int(number) if isinstance(number, Integral) else float(number)
        if 0 <= exact < math.inf:
            return Figure(text=f"{exact:,}", value=Fraction(exact), unit=Fraction(1))
    raise BudgetError(f"{number!r} is not a figure; write 4_980_234, 5e6 or a text such as '4.98M'")


def _hint(text: str) -> str:
    """What somebody who wrote `text` is likely to have meant."""
    if re.search(r"[0-9]\s*[kmgbt]?\s*flop", text, re.IGNORECASE):
        return "some call MACs FLOPs, others twice the MACs: write the MACs, as 4.1G or 4.1 GMACs"
    if re.search(r"[0-9]\s*kb$", text, re.IGNORECASE):
        return "some call 1,000 bytes KB, others 1,024: write kB for 1,000 or KiB for 1,024"
    if re.fullmatch(r"[0-9]+,[0-9]+[^,._]*", text):
        return f"commas set groups of three digits apart; did you mean {text.replace(',', '.')}?"
    if re.fullmatch(r"[0-9]{1,3}(?:[ .'\u00a0\u202f][0-9]{3})+", text):
        return f"did you mean {','.join(re.findall('[0-9]+', text))}?"
    if re.fullmatch(r"[0-9]+[,_][0-9,_]*[^,_]*", text):
        return "groups have three digits, as in 4,980,234"
    return "write 4,980,234 or 4.98M or 5e6"


def as_bytes(value: int) -> str:
    """A number of bytes in three digits, such as `1.23 GB`."""
    size, units = float(value), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{value} bytes" if units[0] == "bytes" else f"{size:.3g} {units[0]}"
