"""Counting a skeleton exactly under several limits at once, by meeting in the middle.

Cut in two, a network fits if its beginning and its ending together keep to every limit. For a width c behind
the cut, each beginning that may meet it is a query, what it leaves of every figure; and the endings of c that
are below it in all figures (`archkit.budget.dominance`) are the networks that begin so. A lower end of a
limit is taken off again: the networks that stay under it are counted the same way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from math import prod

import numpy as np

from archkit.budget.dominance import count_below, total_below
from archkit.budget.halves import Halves
from archkit.budget.stage_tables import CEILING, Ints

__all__ = ["JointCount"]


class JointCount:
    """The networks of a skeleton that keep to several limits, numbered from 0 to `total - 1`."""

    def __init__(self, cut: Halves, low: Ints) -> None:
        """`low` has the lower limits, K, 0 where there is none."""
        self._cut = cut
        self._low = low
        self._by_width = [self._count(c) for c in range(cut.allowed.shape[1])]
        self._ends = list(accumulate(self._by_width))

    @property
    def total(self) -> int:
        """How many networks fit."""
        return self._ends[-1]

    def networks(self, numbers: Sequence[int]) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Blocks and channels of the networks with these numbers, by number."""
        found = {}
        by_width: dict[int, list[int]] = {}
        for number in sorted(set(numbers)):
            by_width.setdefault(bisect_right(self._ends, number), []).append(number)
        for c, mine in by_width.items():
            start = self._ends[c] - self._by_width[c]
            for number, (a, beginning, ending) in self._found(c, [number - start for number in mine]):
                found[start + number] = self._cut.network(a, beginning, c, ending)
        return found

    def _found(self, c: int, numbers: list[int]) -> Iterator[tuple[int, tuple[int, int, int]]]:
        """The points of the networks with a width behind the cut that have these numbers, which ascend."""
        endings = self._cut.endings.points[c]
        widest = np.where(self._low > 0, self._cut.high - self._low, CEILING)
        before, left = 0, iter(numbers)
        number = next(left, None)
        for a, queries, at in self._queries(c, endings):
            ways = sum(
                sign * count_below(endings, queries - shift[:, None]) for sign, shift in self._corners()
            )
            ends = np.cumsum(ways)
            here = int(ends[-1]) if len(at) else 0
            while number is not None and number < before + here:
                i = int(np.searchsorted(ends, number - before, side="right"))
                nth = number - before - (int(ends[i - 1]) if i else 0)
                room = queries[:, i][:, None] - endings
                fits = np.flatnonzero(((room >= 0) & (room <= widest[:, None])).all(axis=0))
                yield number, (a, int(at[i]), int(fits[nth]))
                number = next(left, None)
            before += here
            if number is None:
                return

    def _count(self, c: int) -> int:
        """How many networks have a width behind the cut."""
        endings = self._cut.endings.points[c]
        if not endings.shape[1]:
            return 0
        asked = [queries for _, queries, _ in self._queries(c, endings)]
        if not asked:
            return 0
        every = np.concatenate(asked, axis=1)
        return sum(sign * total_below(endings, every - shift[:, None]) for sign, shift in self._corners())

    def _queries(self, c: int, endings: Ints) -> Iterator[tuple[int, Ints, Ints]]:
        """For each width before the cut: what its beginnings leave, K x Q, and their numbers.

        Those that leave too little for the cheapest ending are left out.
        """
        least = endings.min(axis=1)[:, None]
        for a in np.flatnonzero(self._cut.allowed[:, c]).tolist():
            left = (self._cut.high - self._cut.join[:, a, c])[:, None] - self._cut.beginnings.points[a]
            at = np.flatnonzero((left >= least).all(axis=0))
            yield a, left[:, at], at

    def _corners(self) -> Iterator[tuple[int, Ints]]:
        """Every choice, for each limit, of its upper end or what is under its lower one: sign and shift."""
        ends = [
            [(1, 0)] if low <= 0 else [(1, 0), (-1, high - low + 1)]
            for low, high in zip(self._low.tolist(), self._cut.high.tolist(), strict=True)
        ]
        for corner in product(*ends):
            yield prod(sign for sign, _ in corner), np.array([shift for _, shift in corner])
