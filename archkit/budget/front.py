"""The exact front of a skeleton, however many networks it has, stage by stage from its end.

Of two endings with the same width in front, one that is no better in any figure of the front, and leaves no
more of any limit, can be forgotten: whatever stands before them, the other makes the better network. So each
stage keeps, for every width, a front of its own: Bellman's principle of optimality, for several figures.
Where a figure is limited from above and the most of it is best, only endings that are equal in it compare.

Legend: D what is compared, the less the better; N points.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final, NamedTuple

import numpy as np

from archkit.budget.dominance import count_below
from archkit.budget.stage_tables import CEILING, Ints, SkeletonTables
from archkit.errors import BudgetError

__all__ = ["Front", "first_undominated", "front"]

_MOST: Final = 40_000_000  # points that are kept for all widths together
_TOGETHER: Final = 4_000_000  # points among which the best are looked for at once


class Front(NamedTuple):
    """The front of one skeleton: a network for each point.

    points: the figures of the front, as asked for, D x N.
    networks: blocks and channels of each.
    compared: how many points were compared on the way.
    """

    points: Ints
    networks: list[tuple[tuple[int, ...], tuple[int, ...]]]
    compared: int = 0


class _Endings(NamedTuple):
    """Undominated endings of one width.

    costs: figures of the tables, M x N; the first block of their stage is not paid.
    blocks: of their stage.
    after: the width after it, and the number of the ending there.
    """

    costs: Ints
    blocks: Ints
    after: tuple[Ints, Ints]


def first_undominated(points: Ints, *order: Ints) -> Ints:
    """The places of the points that no other equals or beats in every figure, ascending.

    Of equal ones, the first stands for all: that with the least of `order`, whose first key weighs most.
    """
    by = np.lexsort((*reversed(order), *points[::-1])) if order else np.lexsort(points[::-1])
    here = points[:, by]
    new = np.ones(here.shape[1], dtype=bool)
    new[1:] = (here[:, 1:] != here[:, :-1]).any(axis=0)
    by, here = by[new], here[:, new]
    if len(here) == 1:
        return by[:1]
    if len(here) == 2:
        least = np.minimum.accumulate(here[1])
        best = np.ones(len(by), dtype=bool)
        best[1:] = here[1, 1:] < least[:-1]
    else:
        best = count_below(here, here) == 1
    return np.sort(by[best])


def front(tables: SkeletonTables, directions: tuple[tuple[str, bool], ...], *, effort: float = inf) -> Front:
    """The front of a skeleton in some figures, each with whether the most is best.

    Raises:
        BudgetError: there are too many points to keep, or more than `effort` would be compared.
    """
    return _Fronts(tables, directions, effort).front()


class _Fronts:
    def __init__(
        self, tables: SkeletonTables, directions: tuple[tuple[str, bool], ...], effort: float
    ) -> None:
        self._tables = tables
        self._effort = effort
        self._compared = 0
        self._wanted = [(tables.figures.index(name), -1 if most else 1) for name, most in directions]
        signs = set(self._wanted)
        for m in tables.binding():
            if tables.high[m] < CEILING:
                signs.add((m, 1))
            if tables.low[m] > 0:
                signs.add((m, -1))
        self._signs = sorted(signs)
        self._kept = 0

    def _signed(self, costs: Ints, signs: list[tuple[int, int]]) -> Ints:
        return np.stack([sign * costs[m] for m, sign in signs])

    def front(self) -> Front:
        tables = self._tables
        if not all(table.blocks for table in tables.stages):
            return Front(np.zeros((len(self._wanted), 0), dtype=np.int64), [])
        room = self._room()
        stages: list[list[_Endings]] = []
        for j in range(len(tables.stages) - 1, -1, -1):
            after = stages[0] if stages else None
            stages.insert(0, [self._of_width(j, c, after, room[j][:, c]) for c in range(room[j].shape[1])])
        costs, at = [], []
        for c in np.flatnonzero(tables.stages[0].allowed[0]).tolist():
            ending = stages[0][c]
            costs.append(tables.joined(ending.costs, tables.stages[0].first[:, 0, c][:, None]))
            at += [(c, i) for i in range(len(ending.blocks))]
        if not costs:
            return Front(np.zeros((len(self._wanted), 0), dtype=np.int64), [])
        every = np.concatenate(costs, axis=1)
        fits = np.flatnonzero(((every >= tables.low[:, None]) & (every <= tables.high[:, None])).all(axis=0))
        points = self._signed(every[:, fits], self._wanted)
        best = first_undominated(points, np.arange(len(fits))) if len(fits) else fits
        networks = [self._network(stages, *at[i]) for i in fits[best].tolist()]
        return Front(points[:, best], networks, self._compared)

    def _room(self) -> list[Ints]:
        """What is left of each figure where each width of each stage is entered at the least, M x C."""
        tables = self._tables
        sums = tables.sums
        found, entered = [], np.zeros((len(tables.high), 1), dtype=np.int64)
        for table, few in zip(tables.stages, tables.fewest, strict=True):
            cost = entered[:, :, None] + table.first
            entered = np.where(table.allowed, cost, CEILING).min(axis=1)
            left = np.where(entered < CEILING, tables.high[:, None] - entered, -1)
            left[sums:] = CEILING  # an upper limit on the peak is in the tables
            found.append(left)
            entered = np.minimum(entered + few * table.other, CEILING)
        return found

    def _of_width(self, j: int, c: int, after: list[_Endings] | None, room: Ints) -> _Endings:
        """The undominated endings whose stage j has width c."""
        tables = self._tables
        blocks = np.array(tables.stages[j].blocks_of(c), dtype=np.int64)
        starts, following = self._starts(j, c, after, room)
        n = starts.shape[1]
        at = np.arange(n)
        if not len(blocks) or not n:
            none = np.zeros(0, dtype=np.int64)
            return _Endings(starts[:, :0], none, (none, none))
        other = tables.stages[j].other[:, c][:, None]
        costs = tables.joined(starts, tables.further(other, np.array(blocks[0] - 1)))
        further = np.zeros(n, dtype=np.int64)
        costs, further, at = self._best(costs, further, at, room)
        if len(blocks) > 1 and blocks[-1] - blocks[0] == len(blocks) - 1:
            # Twice as many depths at a time: those of a window, and the same after as many blocks more.
            window = 1
            while window < len(blocks):
                step = min(window, len(blocks) - window)
                costs, further, at = self._deeper(costs, further, at, other, step, room)
                window += step
        else:
            base, base_further, base_at = costs, further, at
            for more in (blocks[1:] - blocks[0]).tolist():
                deeper = tables.joined(base, tables.further(other, np.array(more)))
                costs, further, at = self._best(
                    np.concatenate([costs, deeper], axis=1),
                    np.concatenate([further, base_further + more]),
                    np.concatenate([at, base_at]),
                    room,
                )
        self._kept += len(at)
        if self._kept > _MOST:
            raise BudgetError("the front of this space passes through too many networks to be kept")
        to, number = following
        return _Endings(costs, further + blocks[0], (to[at], number[at]))

    def _starts(
        self, j: int, c: int, after: list[_Endings] | None, room: Ints
    ) -> tuple[Ints, tuple[Ints, Ints]]:
        """What stands after stage j where it has width c: costs, and the width and number of each."""
        tables = self._tables
        if after is None:
            none = np.zeros(1, dtype=np.int64)
            return tables.head[:, c][:, None], (none, none)
        costs = np.zeros((len(tables.figures), 0), dtype=np.int64)
        to = number = np.zeros(0, dtype=np.int64)
        table = tables.stages[j + 1]
        parts: list[tuple[Ints, Ints, Ints]] = []
        waiting = 0
        for d in np.flatnonzero(table.allowed[c]).tolist():
            ending = after[d]
            n = len(ending.blocks)
            if not n:
                continue
            joined = tables.joined(ending.costs, table.first[:, c, d][:, None])
            parts.append((joined, np.full(n, d), np.arange(n)))
            waiting += n
            if waiting > _TOGETHER:
                costs, to, number = self._best(*_together([(costs, to, number), *parts]), room)
                parts, waiting = [], 0
        if parts:
            costs, to, number = self._best(*_together([(costs, to, number), *parts]), room)
        return costs, (to, number)

    def _deeper(
        self, costs: Ints, further: Ints, at: Ints, other: Ints, step: int, room: Ints
    ) -> tuple[Ints, Ints, Ints]:
        deeper = self._tables.joined(costs, self._tables.further(other, np.array(step)))
        return self._best(
            np.concatenate([costs, deeper], axis=1),
            np.concatenate([further, further + step]),
            np.concatenate([at, at]),
            room,
        )

    def _best(self, costs: Ints, first: Ints, second: Ints, room: Ints) -> tuple[Ints, Ints, Ints]:
        """Those that fit and are undominated, in the order of two keys."""
        fits = np.flatnonzero((costs <= room[:, None]).all(axis=0))
        if not len(fits):
            return costs[:, :0], first[:0], second[:0]
        costs, first, second = costs[:, fits], first[fits], second[fits]
        # With more than two figures a point is looked at once more for every halving of the others.
        halvings = len(fits).bit_length() if len(self._signs) > 2 else 1
        self._compared += len(fits) * halvings ** max(len(self._signs) - 2, 1)
        if self._compared > self._effort:
            raise BudgetError("the front of this space passes through too many networks to be compared")
        best = first_undominated(self._signed(costs, self._signs), first, second)
        best = best[np.lexsort((second[best], first[best]))]
        return costs[:, best], first[best], second[best]

    def _network(
        self, stages: list[list[_Endings]], c: int, number: int
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        blocks, channels = [], []
        for table, endings in zip(self._tables.stages, stages, strict=True):
            ending = endings[c]
            blocks.append(int(ending.blocks[number]))
            channels.append(table.channels[c])
            c, number = int(ending.after[0][number]), int(ending.after[1][number])
        return tuple(blocks), tuple(channels)


def _together(parts: list[tuple[Any, Any, Any]]) -> tuple[Ints, Ints, Ints]:
    costs, first, second = zip(*parts, strict=True)
    return np.concatenate(costs, axis=1), np.concatenate(first), np.concatenate(second)
