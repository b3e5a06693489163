"""How the networks of one skeleton that fit are counted: by a formula, a table, or meeting in the middle.

Whichever it is, the networks are numbered, and the network of a number can be told. So a number that is drawn
fairly is a network that is drawn fairly.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Final, Protocol, TypeAlias

import numpy as np

from archkit.budget.cell_costs import cell_costs
from archkit.budget.counting import cells_needed, count_table
from archkit.budget.halves import halves
from archkit.budget.joint import JointCount
from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import Chunk, skeleton_chunks
from archkit.budget.sampling import Sampler
from archkit.budget.split import best_split
from archkit.budget.stage_tables import CEILING, SkeletonTables, build_tables
from archkit.errors import BudgetError
from archkit.spec import SearchSpace
from archkit.spec.space import Combination

__all__ = ["Counter", "Widths", "check_countable", "counter", "points_compared", "unlimited_ways"]

Widths: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]  # blocks and channels of a network

_MOST_POINTS: Final = 80_000_000  # beginnings and endings that are held: about 2 GiB for two figures
_MOST_WORK: Final = 600_000_000  # of them that are compared: about a minute
_MOST_WALKED: Final = 500_000_000  # networks that can be listed array after array in minutes
_MOST_CELLS: Final = 2**29  # of a table: 4 GiB
_FEW_CELLS: Final = 2**24  # a table that is made at once
_CELLS_PER_POINT: Final = 30  # that take as long as to compare a point


class Counter(Protocol):
    """The networks of a skeleton that fit, numbered from 0 to `total - 1`."""

    @property
    def total(self) -> int:
        """How many they are."""

    def networks(self, numbers: Sequence[int]) -> dict[int, Widths]:
        """Blocks and channels of the networks with these numbers, by number."""


def counter(
    space: SearchSpace, combination: Combination, stages: int, budget: Budget, *, keep: bool = False
) -> Counter:
    """What counts one skeleton; `keep` holds on to what `networks` needs.

    Peak memory may only have an upper limit.

    Raises:
        BudgetError: there are too many networks to count under these limits, or the tables of widths would
            not fit into memory.
    """
    return _way_to_count(space, combination, stages, budget, keep=keep)()


def check_countable(space: SearchSpace, budget: Budget) -> None:
    """See beforehand whether every skeleton can be counted.

    Raises:
        BudgetError: as `counter`.
    """
    for combination, stages in space.skeletons():
        _way_to_count(space, combination, stages, budget, keep=False)


def points_compared(space: SearchSpace, budget: Budget) -> float:
    """About how many parts of networks a count under several limits compares; 0 where one limit is left."""
    found = 0.0
    for combination, stages in space.skeletons():
        tables = build_tables(space, combination, stages, budget)
        if all(table.blocks for table in tables.stages):
            rows = _bounding(tables)
            found += best_split(tables, rows).work if len(rows) > 1 else 0
    return found


def _bounding(tables: SkeletonTables) -> list[int]:
    """The rows of the figures whose limits rule something out; the peak's is in the tables."""
    return [m for m in tables.binding() if m < tables.sums and not _idle(tables, m)]


def _way_to_count(
    space: SearchSpace, combination: Combination, stages: int, budget: Budget, *, keep: bool
) -> Callable[[], Counter]:
    tables = build_tables(space, combination, stages, budget)
    if not all(table.blocks for table in tables.stages):
        return _Empty
    rows = _bounding(tables)
    if not rows:
        return lambda: _Unlimited(tables)
    cells = _cells(tables, rows, keep=keep)
    if cells <= _FEW_CELLS:
        return lambda: _by_table(tables, rows[0], keep=keep)
    split = best_split(tables, rows)
    joinable = split.points <= _MOST_POINTS and split.work <= _MOST_WORK
    if cells <= _MOST_CELLS and (cells <= _CELLS_PER_POINT * split.work or not joinable):
        return lambda: _by_table(tables, rows[0], keep=keep)
    if joinable:
        return lambda: JointCount(halves(tables, rows, split.at), tables.low[rows])
    if unlimited_ways(tables) <= _MOST_WALKED:
        return lambda: _Listed(lambda: skeleton_chunks(space, combination, stages, budget))
    limited = " and ".join(budget.words(tables.figures[m]) for m in rows)
    parts = (
        f"about {split.work:,.0f}" if split.work < 10**12 else f"more than 10^{int(math.log10(split.work))}"
    )
    raise BudgetError(
        f"an exact count within these limits on {limited} would compare {parts} parts of networks; coarser"
        " steps of width or tighter limits would make them fewer"
    )


def _cells(tables: SkeletonTables, rows: Sequence[int], *, keep: bool) -> float:
    """How many cells the table of a lone limit takes; infinity where there are several, or no upper end."""
    if len(rows) > 1 or tables.high[rows[0]] >= CEILING:
        return inf
    return cells_needed(cell_costs(tables, *_limit(tables, rows[0])), keep=keep)


def _by_table(tables: SkeletonTables, m: int, *, keep: bool) -> Counter:
    return Sampler(count_table(tables, *_limit(tables, m), keep=keep))


def _limit(tables: SkeletonTables, m: int) -> tuple[str, Limit]:
    return tables.figures[m], Limit(int(tables.low[m]) or None, int(tables.high[m]))


def _idle(tables: SkeletonTables, m: int) -> bool:
    """Whether the limit on a figure rules nothing out."""
    least, most = _extremes(tables, m)
    # The figures are whole numbers, and the sums of floats are off by far less than this share.
    share = 1e-12
    return bool(tables.low[m] <= least * (1 - share) + 0.5 and most * (1 + share) - 0.5 <= tables.high[m])


def _extremes(tables: SkeletonTables, m: int) -> tuple[float, float]:
    """The least and the most that any network of a skeleton can have of a figure that is a sum."""
    low = high = tables.head[m].astype(np.float64)
    for table in reversed(tables.stages):
        n = table.depths
        some = n > 0
        most = np.array(table.blocks, dtype=np.float64)[np.maximum(n, 1) - 1] - 1
        low = np.where(some, low + (table.blocks[0] - 1) * table.other[m], np.inf)
        high = np.where(some, high + most * table.other[m], -np.inf)
        low = np.where(table.allowed, table.first[m] + low, np.inf).min(axis=1)
        high = np.where(table.allowed, table.first[m] + high, -np.inf).max(axis=1)
    return float(low[0]), float(high[0])


def unlimited_ways(tables: SkeletonTables) -> float:
    """How many networks a skeleton has if every depth that its tables hold is taken; exact up to 2^53."""
    ways = np.ones(1)
    for table in reversed(tables.stages):
        ways = table.allowed @ (table.depths * ways)
    return float(ways[0])


class _Empty:
    """No networks."""

    total = 0

    def networks(self, numbers: Sequence[int]) -> dict[int, Widths]:
        return dict.fromkeys(numbers, ((), ()))


class _Unlimited:
    """Every network that the widths and depths of the tables make, in Python's integers."""

    def __init__(self, tables: SkeletonTables) -> None:
        self._tables = tables
        # In how many ways a network can go on from each width of each stage, its own depth included.
        ways: list[list[int]] = []
        for j in range(len(tables.stages) - 1, -1, -1):
            n = tables.stages[j].depths.tolist()
            if not ways:
                ways.append(n)
                continue
            follows = tables.stages[j + 1].allowed.tolist()
            after = [sum(way for way, yes in zip(ways[0], row, strict=True) if yes) for row in follows]
            ways.insert(0, [a * b for a, b in zip(n, after, strict=True)])
        self._ways = ways
        first = tables.stages[0].allowed[0].tolist()
        self.total = sum(way for way, yes in zip(ways[0], first, strict=True) if yes)

    def networks(self, numbers: Sequence[int]) -> dict[int, Widths]:
        return {number: self._network(number) for number in numbers}

    def _network(self, number: int) -> Widths:
        blocks, channels, before = [], [], 0
        for table, ways in zip(self._tables.stages, self._ways, strict=True):
            for c in np.flatnonzero(table.allowed[before]).tolist():
                if number < ways[c]:
                    break
                number -= ways[c]
            each = ways[c] // int(table.depths[c])
            nth, number = divmod(number, each)
            blocks.append(table.blocks[nth])
            channels.append(table.channels[c])
            before = c
        return tuple(blocks), tuple(channels)


class _Listed:
    """Those of a list, array after array, in its order."""

    def __init__(self, chunks: Callable[[], Iterator[Chunk]]) -> None:
        self._chunks = chunks
        self.total = sum(len(chunk) for chunk in chunks())

    def networks(self, numbers: Sequence[int]) -> dict[int, Widths]:
        found: dict[int, Widths] = {}
        todo, start = deque(sorted(set(numbers))), 0
        for chunk in self._chunks():
            while todo and todo[0] < start + len(chunk):
                found[todo[0]] = chunk.widths(todo.popleft() - start)
            start += len(chunk)
            if not todo:
                break
        return found
