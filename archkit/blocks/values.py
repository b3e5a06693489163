"""What an option of the language may be set to: what every sort of value does, and its range.

`archkit.blocks.value_sorts` has the sorts, `archkit.spec.options` the rows that use them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from archkit.errors import SpecError

__all__ = ["MAX_DIGITS", "Field", "Range", "Token", "Values", "checked_number", "pair", "ticked", "wrong"]

Field = tuple[str, int | None]
"""An option, and the stage that is meant where it has a value for each."""


MAX_DIGITS: Final = 12
"""Of a number in the language."""


class Range(NamedTuple):
    """The range that a number of the language must lie in, both ends included."""

    low: int
    high: int


class Token(Protocol):
    """What a value is read from: one token of the language; `archkit.spec.syntax.Atom` is one."""

    @property
    def number(self) -> int | None:
        """Where it is a number."""

    @property
    def word(self) -> str | None:
        """Where it is a word."""

    @property
    def argument(self) -> int | None:
        """The number behind the word's colon."""

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Where it is sizes such as 3x32x32."""

    @property
    def decimal(self) -> Decimal | None:
        """Where it is a number with decimals, such as 2.5."""


class Values(Protocol):
    """The values of an option."""

    noun: str
    """What one of them is called in an error: "a number"."""

    @property
    def expected(self) -> str:
        """What is expected, spelled out: "basic | bottleneck"."""

    def read(self, key: str, token: Token, came: str) -> Any:
        """A value from a token that was written `came`.

        Raises:
            SpecError: it is none; the error has no text yet.
        """

    def accept(self, value: Any, field: Field) -> Any:
        """A value from Python, in its full form; None for what is the default, whatever that comes to.

        Raises:
            SpecError: it is none, or out of range.
        """

    def text(self, value: Any) -> str:
        """A value as the language writes it."""

    def shown(self) -> str:
        """The values for a page, in Markdown, the default first."""

    def samples(self) -> Sequence[Any]:
        """Some values for tests to draw from, the default and small ones among them."""


def checked_number(name: str, value: Any, range_: Range, field: Field) -> int:
    """A number that lies in its range.

    Raises:
        SpecError: it is no integer, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"{name} must be an integer, not {value!r}", field=field)
    if not range_.low <= value <= range_.high:
        raise SpecError(f"{name} must be {range_.low:,} to {range_.high:,}, not {value:,}", field=field)
    return value


def wrong(key: str, expected: str, came: object, hint: str | None = None) -> SpecError:
    """The error of a value that is not what is expected."""
    return SpecError(f"{key} is {expected}, not {came}", hint=hint)


def ticked(words: Sequence[str]) -> str:
    """Words as code, in Markdown."""
    return " ".join(f"`{word}`" for word in words)


def pair(value: Any, name: str, expected: str, field: Field) -> tuple[Any, Any]:
    """A value that is a word and a number.

    Raises:
        SpecError: it is something else.
    """
    if not isinstance(value, tuple) or len(value) != 2:
        raise SpecError(f"{name} is {expected}, not {value!r}", field=field)
    return value[0], value[1]
