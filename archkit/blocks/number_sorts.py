"""The sorts of values that are numbers with decimals, and widths one behind another."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from archkit.blocks.values import MAX_DIGITS, Field, Range, Token, checked_number, wrong
from archkit.errors import SpecError

__all__ = ["Ratio", "Widths"]


class Ratio:
    """A whole number or a decimal, in a range."""

    noun = "a number"
    expected = "a number, such as 6 or 2.5"

    def __init__(self, low: int, high: int, *, samples: Sequence[int]) -> None:
        self.range = Range(low, high)
        self._samples = samples

    def read(self, key: str, token: Token, came: str) -> int | Decimal:
        found = token.decimal if token.number is None else token.number
        if found is None:
            raise wrong(key, self.expected, came)
        return found

    def accept(self, value: Any, field: Field) -> int | Decimal:
        if isinstance(value, float):
            value = Decimal(repr(value))
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise SpecError(f"{field[0]} must be a number, not {value!r}", field=field)
        low, high = self.range
        if not Decimal(value).is_finite() or not low <= value <= high:
            raise SpecError(f"{field[0]} must be {low} to {high}, not {value}", field=field)
        if value == int(value):
            return int(value)
        number = Decimal(value).normalize()
        if len(str(number)) > MAX_DIGITS + 1:  # and the point
            raise SpecError(f"{field[0]} has {MAX_DIGITS} digits at most, not {number}", field=field)
        return number

    def text(self, value: int | Decimal) -> str:
        return str(value)

    def shown(self) -> str:
        return "a number, decimals too"

    def samples(self) -> Sequence[int]:
        return self._samples


class Widths:
    """Some widths, one behind another: `1280`, `4096x4096`; none of them by default."""

    noun = "widths"
    expected = "a width, or several as in 4096x4096"

    def __init__(self, width: Range, *, most: int) -> None:
        self._width, self._most = width, most

    def read(self, key: str, token: Token, came: str) -> tuple[int, ...]:
        if token.number is not None:
            return (token.number,) if token.number else ()
        if token.sizes is None:
            raise wrong(key, self.expected, came)
        return token.sizes

    def accept(self, value: Any, field: Field) -> tuple[int, ...]:
        if isinstance(value, int) and not isinstance(value, bool):
            value = (value,) if value else ()
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > self._most:
            raise SpecError(f"{field[0]} is {self.expected}, {self._most} at most", field=field)
        return tuple(checked_number(field[0], width, self._width, field) for width in value)

    def text(self, value: tuple[int, ...]) -> str:
        return "x".join(map(str, value)) or "0"

    def shown(self) -> str:
        return "none; a width, or several: `4096x4096`"

    def samples(self) -> Sequence[tuple[int, ...]]:
        return ((), (16,), (8, 12))
