"""`Arguments`: what the constructor of a written class takes, found from the values that its blocks have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

__all__ = ["Arguments", "Values"]

Values = Sequence[Any]
"""A value for each block of a class; None where the block lacks the layer that has it."""

_MOST: Final = 64  # the largest factor between two widths that is written as one


class Arguments:
    """The arguments of a class, and what is written for the values of its layers.

    Args:
        channels: the arguments that are channels from the start, by name: what leaves a block comes before
            what enters it, since most widths are said by it.
        hidden: what a width that they do not say is called.

    Attributes:
        entering: the argument that is the channels that enter, if there is one.
        added: further arguments by name, in order, with their values.
        local: names for widths that follow from arguments, and what they are.
    """

    def __init__(self, channels: dict[str, Values], hidden: str) -> None:
        self._channels = dict(channels)
        self._hidden = hidden
        self.entering = next((name for name in ("c_in", "c") if name in channels), None)
        self.added: dict[str, Values] = {}
        self.local: dict[str, str] = {}
        self._kinds: dict[str, str] = {}  # of each added argument what it was added for

    def channels(self, values: Values, hidden: str | None = None) -> str:
        """How a width is written: an argument, one that follows from an argument, a number, a new argument.

        Args:
            values: of the width.
            hidden: what it is called where it is named; as the class has it unless given.
        """
        for name, known in self._channels.items():
            if _same(values, known):
                return name
        for name, known in self._channels.items():
            if name in self.local:
                continue
            for text, factor in _multiples(values, known, name):
                if factor <= _MOST:
                    return self._name_width(hidden or self._hidden, text, values)
        if _alike(values):
            return str(_first(values))
        return self._add(hidden or self._hidden, values, channels=True)

    def plain(self, values: Values, what: str) -> str:
        """How another value is written: an argument that has it, a number, a new argument."""
        for name, known in self.added.items():
            if self._kinds[name] == what and _same(values, known):
                return name
        if _alike(values):
            return str(_first(values))
        return self._add(what, values)

    def padding(self, values: Values, kernels: Values, kernel: str) -> str:
        """How a padding is written: half a kernel that differs between blocks."""
        named = kernel.isidentifier() and not any(isinstance(k, tuple) for k in kernels)
        if named and _same(values, [None if k is None else k // 2 for k in kernels]):
            return f"{kernel} // 2"
        return self.plain(values, "padding")

    def groups(self, values: Values, widths: Values, width: str) -> str:
        """How a number of groups is written: one for each channel, or for several of them."""
        if not _alike(values) or _first(values) != 1:
            if _same(values, widths):
                return width
            for text, _ in _multiples(values, widths, width):
                if "//" in text and width.isidentifier():
                    return text
        return self.plain(values, "groups")

    @property
    def widths(self) -> frozenset[str]:
        """The names of the arguments that are channels."""
        return frozenset(self._channels)

    def present(self, values: Sequence[bool], what: str) -> str | None:
        """The condition under which a block has something that not all blocks of its class have.

        None where all of them have it.
        """
        if all(values):
            return None
        entering, leaving = self._channels["c_in"], self._channels["c_out"]
        changed = [a != b for a, b in zip(entering, leaving, strict=True)]
        strided = [s != 1 for s in self.added.get("stride", [1] * len(values))]
        either = [a or b for a, b in zip(strided, changed, strict=True)]
        conditions = [(changed, "c_in != c_out", "c_in == c_out")]
        if "stride" in self.added:
            conditions = [
                (either, "stride != 1 or c_in != c_out", "stride == 1 and c_in == c_out"),
                *conditions,
                (strided, "stride != 1", "stride == 1"),
            ]
        for found, text, otherwise in conditions:
            if list(values) == found:
                return text
            if list(values) == [not one for one in found]:
                return otherwise
        return self.plain([str(value) for value in values], what)

    def _name_width(self, what: str, text: str, values: Values) -> str:
        name = self._free(what)
        self.local[name] = text
        self._channels[name] = values
        return name

    def _add(self, what: str, values: Values, *, channels: bool = False) -> str:
        name = self._free(what)
        # A block without the layer takes any value.
        self.added[name] = [_first(values) if value is None else value for value in values]
        self._kinds[name] = what
        if channels:
            self._channels[name] = self.added[name]
        return name

    def _free(self, name: str) -> str:
        taken = {*self._channels, *self.added, *self.local}
        numbered = (name if i == 1 else f"{name}{i}" for i in range(1, len(taken) + 2))
        return next(one for one in numbered if one not in taken)


def _same(values: Values, known: Values) -> bool:
    return all(a is None or a == b for a, b in zip(values, known, strict=True))


def _alike(values: Values) -> bool:
    return len({value for value in values if value is not None}) <= 1


def _first(values: Values) -> Any:
    return next((value for value in values if value is not None), None)


def _multiples(values: Values, known: Values, name: str) -> Iterable[tuple[str, int]]:
    """How values are written as multiples or parts of known ones, and the factor."""
    pairs = [(a, b) for a, b in zip(values, known, strict=True) if a is not None]
    if not pairs or not all(a and b for a, b in pairs):
        return
    up, down = pairs[0][0] // pairs[0][1], pairs[0][1] // pairs[0][0]
    if up > 1 and all(a == up * b for a, b in pairs):
        yield f"{up} * {name}", up
    if down > 1 and all(a * down == b for a, b in pairs):
        yield f"{name} // {down}", down
