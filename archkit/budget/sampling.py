"""Uniform samples of what fits, by unranking: every network has a number, and a number its network.

The tables of `archkit.budget.counting` are walked back from a number, so that no draw is rejected
and every network is exactly as likely as every other.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Final

import numpy as np

from archkit.budget.cells import Cells, exact_dot
from archkit.budget.counting import CountTable
from archkit.budget.tables import Ints

__all__ = ["Sampler"]

_BLOCK: Final = 2**14


class Sampler:
    """Gives the networks of a table their numbers, from 0 to `table.total - 1`."""

    def __init__(self, table: CountTable) -> None:
        """`table` must have been made with `keep`."""
        self._table = table
        self._ends = list(accumulate(count for _, _, count in table.pairs))
        self._blocks: dict[tuple[int, int], list[int]] = {}

    def network(self, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Blocks and channels of the network with a number."""
        table = self._table
        if table.stages == 1:
            path = self._single(rank)
        else:
            i = bisect_right(self._ends, rank)
            c, to, count = table.pairs[i]
            path = self._joined(c, to, rank - (self._ends[i] - count))
        stages = table.tables.stages
        return (
            tuple(n for _, n in path),
            tuple(stage.channels[c] for stage, (c, _) in zip(stages, path, strict=True)),
        )

    def _single(self, rank: int) -> list[tuple[int, int]]:
        for c, points in enumerate(self._table.points):
            for n, left in zip(self._table.blocks[0][c].tolist(), points.tolist(), strict=False):
                if self._table.fits_alone(c, left):
                    if not rank:
                        return [(c, n)]
                    rank -= 1
        raise IndexError("no network has this number")

    def _joined(self, c: int, to: int, rank: int) -> list[tuple[int, int]]:
        """(index of the width, blocks) of every stage of a network that is cut between `c` and `to`."""
        table = self._table
        by, end = int(table.first[table.split][c, to]), table.end[to]
        if table.split == 1:
            at = table.points[c] - by
            at = at[at >= 0]
            i, rank = _pick(end[at], rank)
            front = [(c, int(table.blocks[0][c][i]))]
            return [*front, *self._back(to, int(at[i]), rank)]
        begin = table.begin[-1][c]
        length = min(len(begin) - by, len(end))
        begin, end = begin[by : by + length], end[:length]
        if (c, to) not in self._blocks:
            self._blocks[c, to] = list(
                accumulate(
                    exact_dot(begin[i : i + _BLOCK], end[i : i + _BLOCK]) for i in range(0, length, _BLOCK)
                )
            )
        sums = self._blocks[c, to]
        block = bisect_right(sums, rank)
        rank -= sums[block - 1] if block else 0
        low = block * _BLOCK
        a, b = begin[low : low + _BLOCK], end[low : low + _BLOCK]
        narrow = sums[block] < 2**63 and a.dtype != object and b.dtype != object
        i, rank = _pick(a * b if narrow else a.astype(object) * b.astype(object), rank)
        before, behind = divmod(rank, int(b[i]))
        left = low + i
        return [*self._front(table.split - 1, c, left + by, before), *self._back(to, left, behind)]

    def _front(self, stage: int, c: int, left: int, rank: int) -> list[tuple[int, int]]:
        """The stages up to `stage`, which is of width `c` and leaves `left` cells."""
        table, path = self._table, []
        while stage > 0:
            before = np.flatnonzero(table.tables.stages[stage].allowed[:, c])
            # n x c': what each number of blocks here and each width before found left.
            had = left + (table.blocks[stage][c] - 1) * int(table.other[stage][c])
            had = had[had <= table.cells][:, None] + table.first[stage][before, c][None, :]
            ways = np.stack(
                [self._ways(stage - 1, p, had[:, j]) for j, p in enumerate(before.tolist())], axis=1
            )
            i, rank = _pick(ways.ravel(), rank)
            row, column = divmod(i, len(before))
            path.append((c, int(table.blocks[stage][c][row])))
            c, left, stage = int(before[column]), int(had[row, column]), stage - 1
        equal = np.flatnonzero(table.points[c] == left)
        path.append((c, int(table.blocks[0][c][equal[rank]])))
        return path[::-1]

    def _ways(self, stage: int, c: int, left: Ints) -> Cells:
        """How many beginnings up to a stage of width `c` leave so many cells."""
        if stage == 0:
            points = self._table.points[c][::-1]
            return np.searchsorted(points, left, side="right") - np.searchsorted(points, left, side="left")
        cells = self._table.begin[stage - 1][c]
        if not len(cells):
            return np.zeros(len(left), dtype=np.int64)
        found: Cells = np.where(left < len(cells), cells[np.minimum(left, len(cells) - 1)], 0)
        return found

    def _back(self, c: int, left: int, rank: int) -> list[tuple[int, int]]:
        """The stages from the cut on, of which the first is of width `c` and has `left` cells left."""
        table, last = self._table, self._table.stages - 1
        if table.split == last:
            return [(c, self._last(c, left, rank))]
        behind = np.flatnonzero(table.tables.stages[last].allowed[c])
        has = left - (table.blocks[last - 1][c] - 1) * int(table.other[last - 1][c])
        has = has[has >= 0][:, None] - table.first[last][c, behind][None, :]
        i, rank = _pick(table.ends(behind, has).ravel(), rank)
        row, column = divmod(i, len(behind))
        to = int(behind[column])
        here = (c, int(table.blocks[last - 1][c][row]))
        return [here, (to, self._last(to, int(has[row, column]), rank))]

    def _last(self, c: int, left: int, rank: int) -> int:
        table, last = self._table, self._table.stages - 1
        left -= int(table.head[c])
        skipped = 0 if table.window is None else int(table.depths(last, c, left - table.window))
        return int(table.blocks[last][c][skipped + rank])


def _pick(ways: Cells, rank: int) -> tuple[int, int]:
    """The entry that a number falls into, and the number within it."""
    ends: Any = np.cumsum(ways)
    i = int(np.searchsorted(ends, rank, side="right"))
    return i, rank - (int(ends[i - 1]) if i else 0)
