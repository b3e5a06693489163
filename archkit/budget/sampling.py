"""Uniform samples of what fits, by unranking: every network has a number, and a number its network.

The network of a number is found by walking back through the tables of `archkit.budget.counting`, so that no
draw is rejected and every network is exactly as likely as every other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np

from archkit.budget.cells import WIDE, Cells, exact_dot
from archkit.budget.counting import CountTable
from archkit.budget.stage_tables import Ints

__all__ = ["Sampler"]

_BLOCK: Final = 2**14


class Sampler:
    """The networks of a table, numbered from 0 to `table.total - 1`."""

    def __init__(self, table: CountTable) -> None:
        """`table` must have been made with `keep` if networks are asked for."""
        self._table = table
        self._costs = table.costs
        self._ends = list(accumulate(count for _, _, count in table.pairs))
        self._sums: dict[tuple[int, int], list[int]] = {}

    @property
    def total(self) -> int:
        """How many networks fit."""
        return self._table.total

    def networks(self, numbers: Sequence[int]) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Blocks and channels of the networks with these numbers, by number."""
        return {number: self.network(number) for number in numbers}

    def network(self, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Blocks and channels of the network with this number."""
        if self._costs.stages == 1:
            path = self._single(rank)
        else:
            i = bisect_right(self._ends, rank)
            c, to, count = self._table.pairs[i]
            path = self._across(c, to, rank - (self._ends[i] - count))
        stages = self._costs.tables.stages
        return (
            tuple(n for _, n in path),
            tuple(stage.channels[c] for stage, (c, _) in zip(stages, path, strict=True)),
        )

    def _single(self, rank: int) -> list[tuple[int, int]]:
        """The stage of a network of one stage: (index of the width, blocks)."""
        for c, points in enumerate(self._table.points):
            for n, left in zip(self._costs.blocks[0][c].tolist(), points.tolist(), strict=False):
                if self._costs.fits_alone(c, left):
                    if not rank:
                        return [(c, n)]
                    rank -= 1
        raise IndexError("no network has this number")

    def _across(self, c: int, to: int, rank: int) -> list[tuple[int, int]]:
        """(index of the width, blocks) of every stage of a network that is cut between `c` and `to`."""
        table, costs = self._table, self._costs
        by, end = int(costs.first[table.split][c, to]), table.endings[to]
        if table.split == 1:
            at = table.points[c] - by
            at = at[at >= 0]
            i, rank = _pick(end[at], rank)
            front = [(c, int(costs.blocks[0][c][i]))]
            return [*front, *self._back(to, int(at[i]), rank)]
        begin = table.beginnings[-1][c]
        length = min(len(begin) - by, len(end))
        begin, end = begin[by : by + length], end[:length]
        sums = self._block_sums((c, to), begin, end)
        block = bisect_right(sums, rank)
        rank -= sums[block - 1] if block else 0
        low = block * _BLOCK
        a, b = begin[low : low + _BLOCK], end[low : low + _BLOCK]
        narrow = sums[block] < WIDE and a.dtype != object and b.dtype != object
        i, rank = _pick(a * b if narrow else a.astype(object) * b.astype(object), rank)
        before, after = divmod(rank, int(b[i]))
        left = low + i
        return [*self._front(table.split - 1, c, left + by, before), *self._back(to, left, after)]

    def _block_sums(self, pair: tuple[int, int], begin: Cells, end: Cells) -> list[int]:
        """How many networks of a pair of widths there are up to the end of each block of cells."""
        if pair not in self._sums:
            blocks = (
                exact_dot(begin[i : i + _BLOCK], end[i : i + _BLOCK]) for i in range(0, len(end), _BLOCK)
            )
            self._sums[pair] = list(accumulate(blocks))
        return self._sums[pair]

    def _front(self, stage: int, c: int, left: int, rank: int) -> list[tuple[int, int]]:
        """The stages up to `stage`, which has width `c` and leaves `left` cells."""
        costs, path = self._costs, []
        while stage > 0:
            before = np.flatnonzero(costs.tables.stages[stage].allowed[:, c])
            # n x c': the cells that were left before this stage, for each number of blocks here and each
            # width before.
            had = left + (costs.blocks[stage][c] - 1) * int(costs.other[stage][c])
            had = had[had <= costs.cells][:, None] + costs.first[stage][before, c][None, :]
            ways = np.stack(
                [self._ways(stage - 1, p, had[:, j]) for j, p in enumerate(before.tolist())], axis=1
            )
            i, rank = _pick(ways.ravel(), rank)
            row, column = divmod(i, len(before))
            path.append((c, int(costs.blocks[stage][c][row])))
            c, left, stage = int(before[column]), int(had[row, column]), stage - 1
        equal = np.flatnonzero(self._table.points[c] == left)
        path.append((c, int(costs.blocks[0][c][equal[rank]])))
        return path[::-1]

    def _ways(self, stage: int, c: int, left: Ints) -> Cells:
        """How many beginnings up to a stage of width `c` leave each of these numbers of cells."""
        if stage == 0:
            points = self._table.points[c][::-1]
            return np.searchsorted(points, left, side="right") - np.searchsorted(points, left, side="left")
        cells = self._table.beginnings[stage - 1][c]
        if not len(cells):
            return np.zeros(len(left), dtype=np.int64)
        found: Cells = np.where(left < len(cells), cells[np.minimum(left, len(cells) - 1)], 0)
        return found

    def _back(self, c: int, left: int, rank: int) -> list[tuple[int, int]]:
        """The stages after the cut, the first of which has width `c` and `left` cells left."""
        costs, last = self._costs, self._costs.stages - 1
        if self._table.split == last:
            return [(c, self._last(c, left, rank))]
        follows = np.flatnonzero(costs.tables.stages[last].allowed[c])
        has = left - (costs.blocks[last - 1][c] - 1) * int(costs.other[last - 1][c])
        has = has[has >= 0][:, None] - costs.first[last][c, follows][None, :]
        i, rank = _pick(costs.endings_within(follows, has).ravel(), rank)
        row, column = divmod(i, len(follows))
        to = int(follows[column])
        here = (c, int(costs.blocks[last - 1][c][row]))
        return [here, (to, self._last(to, int(has[row, column]), rank))]

    def _last(self, c: int, left: int, rank: int) -> int:
        """The number of blocks of the last stage."""
        costs, last = self._costs, self._costs.stages - 1
        left -= int(costs.head[c])
        skipped = 0 if costs.window is None else int(costs.depths_within(last, c, left - costs.window))
        return int(costs.blocks[last][c][skipped + rank])


def _pick(ways: Cells, rank: int) -> tuple[int, int]:
    """The entry that a number falls into, and the number within that entry."""
    ends: Any = np.cumsum(ways)
    i = int(np.searchsorted(ends, rank, side="right"))
    return i, rank - (int(ends[i - 1]) if i else 0)
