"""`IntSet`: the sets of integers of the language."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["IntSet"]


class IntSet(NamedTuple):
    """A set of positive integers: some numbers, and where it has no upper end a range without one.

    values: the finite part, in ascending order.
    open_from, open_step: `open_from, open_from + open_step, ...` without end; 0, 0 where there is
        an upper end.
    """

    values: tuple[int, ...]
    open_from: int = 0
    open_step: int = 0

    @property
    def finite(self) -> bool:
        """Whether there is an upper end."""
        return self.open_step == 0

    def upto(self, high: int) -> tuple[int, ...]:
        """The members that are not above `high`, in ascending order."""
        closed = [value for value in self.values if value <= high]
        if not self.finite:
            closed = sorted({*closed, *range(self.open_from, high + 1, self.open_step)})
        return tuple(closed)

    def __str__(self) -> str:
        """The shortest text of the language: a number, a range, or a set."""
        parts = _runs(self.values)
        if not self.finite:
            step = "" if self.open_step == 1 else f":{self.open_step}"
            parts.append(f"{self.open_from}..{step}")
        return parts[0] if len(parts) == 1 else "{" + ",".join(parts) + "}"


def _runs(values: tuple[int, ...]) -> list[str]:
    """Ascending numbers as ranges where three or more follow at one distance."""
    parts: list[str] = []
    i = 0
    while i < len(values):
        j = i + 1
        while j + 1 < len(values) and values[j + 1] - values[j] == values[i + 1] - values[i]:
            j += 1
        if j - i >= 2 and j < len(values):
            step = values[i + 1] - values[i]
            parts.append(f"{values[i]}..{values[j]}" + ("" if step == 1 else f":{step}"))
            i = j + 1
        else:
            parts.append(str(values[i]))
            i += 1
    return parts
