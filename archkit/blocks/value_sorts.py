"""The sorts of values: words, numbers, switches, kinds with a number, windows and sizes.

Each does what `archkit.blocks.values.Values` says; none knows an option by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from archkit.blocks.sides import Sides, alike, by_sides
from archkit.blocks.values import Field, Range, Token, checked_number, pair, ticked, wrong
from archkit.errors import SpecError, nearest

__all__ = ["Kinds", "MaxPool", "Sizes", "Switch", "Whole", "Window", "Words"]


class Words:
    """One of some words."""

    noun = "a word"

    def __init__(self, known: Callable[[], Sequence[str]] | Sequence[str]) -> None:
        self._known = known

    @property
    def known(self) -> Sequence[str]:
        """The words, the default first."""
        return self._known() if callable(self._known) else self._known

    @property
    def expected(self) -> str:
        return " | ".join(self.known)

    def read(self, key: str, token: Token, came: str) -> str:
        if token.word is None or token.argument is not None:
            raise wrong(key, self.expected, came)
        if token.word not in self.known:
            raise wrong(key, self.expected, came, nearest(token.word, self.known))
        return token.word

    def accept(self, value: Any, field: Field) -> str:
        if not isinstance(value, str) or value not in self.known:
            raise SpecError(f"{field[0]} is {self.expected}, not {value}", field=field)
        return value

    def text(self, value: str) -> str:
        return value

    def shown(self) -> str:
        return ticked(self.known)

    def samples(self) -> Sequence[str]:
        return self.known


class Whole:
    """A whole number in a range; or only the odd ones, and 0 where the range begins with it."""

    noun = "a whole number"
    expected = "a whole number"

    def __init__(
        self, low: int, high: int, *, default: int, odd: bool = False, samples: Sequence[int]
    ) -> None:
        self.range = Range(low, high)
        self.odd = odd
        self._default, self._samples = default, samples

    def read(self, key: str, token: Token, came: str) -> int:
        if token.number is None:
            raise wrong(key, self.expected, came)
        return token.number

    def accept(self, value: Any, field: Field) -> int:
        number = checked_number(field[0], value, self.range, field)
        if self.odd and number and number % 2 == 0:
            zero = "0 or " if self.range.low == 0 else ""
            raise SpecError(f"a {field[0]} is {zero}odd, not {number}", field=field)
        return number

    def text(self, value: int) -> str:
        return str(value)

    def shown(self) -> str:
        zero = "0 or " if self.range.low == 0 else ""
        return f"`{self._default}`" + (f", {zero}any odd number up to {self.range.high}" if self.odd else "")

    def samples(self) -> Sequence[int]:
        return self._samples


class Switch:
    """`yes` or `no`."""

    noun = "yes or no"
    expected = "yes or no"

    def __init__(self, *, default: bool = False) -> None:
        self._default = default

    def read(self, key: str, token: Token, came: str) -> bool:
        if token.word not in ("yes", "no") or token.argument is not None:
            meant = {"true": "yes", "on": "yes", "1": "yes", "false": "no", "off": "no", "0": "no"}.get(
                came.lower()
            )
            raise wrong(key, self.expected, came, f"did you mean {key}={meant}?" if meant else None)
        return token.word == "yes"

    def accept(self, value: Any, field: Field) -> bool:
        if not isinstance(value, bool):
            raise SpecError(f"{field[0]} is True or False, not {value!r}", field=field)
        return value

    def text(self, value: bool) -> str:
        return "yes" if value else "no"

    def shown(self) -> str:
        return ticked([self.text(value) for value in self.samples()])

    def samples(self) -> Sequence[bool]:
        return (self._default, not self._default)


class Kinds:
    """A word, of which some take a number: `se`, `se:8`.

    Args:
        table: the words and the number of each where none is given; 0 if it takes none.
        make: the value of a word and its number.
        letter: stands for the number in help.
        samples: some values.
    """

    noun = "a word"
    range: Final = Range(1, 65_536)

    def __init__(
        self,
        table: Mapping[str, int],
        make: Callable[[str, int], Any],
        *,
        letter: str,
        samples: Sequence[Any],
    ) -> None:
        self.table, self._make, self._letter, self._samples = table, make, letter, samples

    @property
    def expected(self) -> str:
        return " | ".join(f"{word}[:N]" if number else word for word, number in self.table.items())

    def read(self, key: str, token: Token, came: str) -> Any:
        if token.word is None or token.word not in self.table:
            raise wrong(key, self.expected, came, nearest(token.word or "", tuple(self.table)))
        if token.argument is not None and not self.table[token.word]:
            raise SpecError(f"{key}={token.word} takes no number")
        return self._make(token.word, self.table[token.word] if token.argument is None else token.argument)

    def accept(self, value: Any, field: Field) -> Any:
        name = field[0]
        if isinstance(value, str):
            value = (value, self.table.get(value, 0))
        kind, number = pair(value, name, "a word, or a word and its number", field)
        if not isinstance(kind, str) or kind not in self.table:
            raise SpecError(f"{name} is {' | '.join(self.table)}, not {kind}", field=field)
        if self.table[kind]:
            checked_number(name, number, self.range, field)
        elif number != 0:
            raise SpecError(f"{name}={kind} takes no number", field=field)
        return self._make(kind, number)

    def text(self, value: Any) -> str:
        kind, number = value
        return kind if number == self.table[kind] else f"{kind}:{number}"

    def shown(self) -> str:
        return ticked([f"{word}[:{self._letter}]" if n else word for word, n in self.table.items()])

    def samples(self) -> Sequence[Any]:
        return self._samples


class MaxPool(NamedTuple):
    """Max pooling by windows of so many rows and columns."""

    size: int


class Window:
    """A window, or None for the whole map: of averages, or as `max:2` of maxima.

    `24x5` is a window of 24 rows and 5 columns, of which there is one.
    """

    noun = "a window"
    expected = "global, a window or max:N"

    def __init__(self, low: int, high: int) -> None:
        self.range = Range(low, high)

    def read(self, key: str, token: Token, came: str) -> Sides | MaxPool | None:
        if token.number is not None:
            return token.number
        if token.sizes is not None and len(token.sizes) == 2:
            return alike(*token.sizes)
        if token.word == "global" and token.argument is None:
            return None
        if token.word == "max" and token.argument is not None:
            return MaxPool(token.argument)
        raise wrong(key, self.expected, came)

    def accept(self, value: Any, field: Field) -> Sides | MaxPool | None:
        if value == "global":
            return None
        if isinstance(value, str):
            raise SpecError(f"{field[0]} is {self.expected}, not {value!r}", field=field)
        if isinstance(value, MaxPool):
            return MaxPool(checked_number(field[0], value.size, self.range, field))
        if isinstance(value, tuple | list) and len(value) == 2:
            rows, columns = (checked_number(field[0], size, self.range, field) for size in value)
            return alike(rows, columns)
        return None if value is None else checked_number(field[0], value, self.range, field)

    def text(self, value: Sides | MaxPool | None) -> str:
        if isinstance(value, MaxPool):
            return f"max:{value.size}"
        if isinstance(value, tuple):
            return by_sides(value)
        return "global" if value is None else str(value)

    def shown(self) -> str:
        return "`global`, a window (`4`, or one of rows x columns, `24x5`), `max:N`"

    def samples(self) -> Sequence[Sides | MaxPool | None]:
        return (None, 1, 2, 3, 4, (3, 2), MaxPool(2))


class Sizes:
    """Channels x height x width."""

    noun = "sizes"
    expected = "channels x height x width"

    def __init__(self, channels: Range, size: Range, *, default: tuple[int, int, int]) -> None:
        self._ranges, self._default = (channels, size, size), default

    def read(self, key: str, token: Token, came: str) -> tuple[int, ...]:
        if token.sizes is None or len(token.sizes) != 3:
            raise wrong(key, self.expected, came, "as in 3x32x32")
        return token.sizes

    def accept(self, value: Any, field: Field) -> tuple[int, int, int]:
        name = field[0]
        sizes = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
        if len(sizes) != 3:
            raise SpecError(f"{name} is channels x height x width, as in 3x32x32", field=field)
        if self._channels_last(sizes):
            meant = self.text((sizes[2], sizes[0], sizes[1]))
            raise SpecError(
                f"{name} is channels x height x width, and {self.text(sizes)} has its channels last",
                field=field,
                hint=f"did you mean {meant}?",
            )
        for part, size, range_ in zip(("channels", "size", "size"), sizes, self._ranges, strict=True):
            checked_number(f"{name} {part}", size, range_, field)
        return sizes

    @staticmethod
    def _channels_last(sizes: Sequence[Any]) -> bool:
        """Whether this is how other libraries write images: 32x32x3, 96x96x1. No image is 3 columns wide."""
        height, width, channels = sizes
        whole = all(isinstance(size, int) for size in sizes)
        return whole and channels in (1, 3) and height > 4 and width >= 8

    def text(self, value: tuple[int, ...]) -> str:
        return "x".join(map(str, value))

    def shown(self) -> str:
        return f"`{self.text(self._default)}`"

    def samples(self) -> Sequence[tuple[int, int, int]]:
        return (self._default, (1, 28, 28), (3, 33, 47), (2, 8, 8), (1, 1, 1), (4, 64, 16))
