"""Counting a space exactly: tables over (stage, width, what is left of the budget).

A stage of n blocks costs `first(c_in, c) + (n - 1) * other(c)`, so that "one block more" is a shift
by `other(c)`, and all depths at once are a running sum with that stride. The networks of S stages
are cut in two: `A[c][r]`, the beginnings that end in width c and leave r, and `W[c][b]`, the endings
whose first stage is c wide and has b left once its first block is paid. The count is then

    sum over c, c' of sum over r of A[c][r] * W[c'][r - first(c, c')]

Costs are cut into cells of their greatest common divisor; where the remainder cannot be filled, it
is dropped, so that nothing is rounded. Cells hold 64-bit integers wherever a bound in Python's
integers shows that they suffice, and Python's integers elsewhere. No float takes part.
"""

from __future__ import annotations

from math import gcd
from typing import Any, Final

import numpy as np

from archkit.budget.cells import WIDE, Cells, bounded_dot, exact_sum, running_sum, shifted, wide_enough
from archkit.budget.limits import Limit
from archkit.budget.tables import Ints, Tables
from archkit.errors import BudgetError

__all__ = ["CountTable"]

_BLOCK: Final = 2**15  # cells that stay in a core's cache
_MOST_CELLS: Final = 2**29  # of all tables together: 4 GiB


class CountTable:
    """How many networks of one setting and number of stages keep to a limit on one figure.

    Legend: C widths of a stage, r and b cells left, n blocks.

    Attributes:
        tables: the costs.
        total: how many networks fit.

    Raises:
        BudgetError: the table would not fit into memory.
    """

    def __init__(self, tables: Tables, metric: str, limit: Limit, *, keep: bool = False) -> None:
        """`keep` holds on to every table, which `Sampler` walks back through."""
        self.tables = tables
        self.stages = len(tables.stages)
        self._read_costs(tables.figures.index(metric), limit)
        self.split = max(1, self.stages - 2)
        self.begin: list[list[Cells]] = []
        self.pairs: list[tuple[int, int, int]] = []
        if self.cells < 0:
            self.total = 0
            return
        self._check_size(keep)
        self.needs = self._needs()
        self.points = self._first_stage()
        if self.stages == 1:
            self.total = sum(self.fits_alone(c, r) for c, points in enumerate(self.points) for r in points)
            return
        self.end = self._endings()
        if self.split > 1:
            self._beginnings(keep)
        self.pairs = self._joined()
        self.total = sum(count for _, _, count in self.pairs)

    def _read_costs(self, m: int, limit: Limit) -> None:
        """Every cost in cells, and the budget once the head's constant part is paid."""
        stages = self.tables.stages
        head = self.tables.head[m]
        constant = int(head.min())
        costs = [int(d) for d in np.unique(head - constant)]
        for table in stages[1:]:
            costs.extend(np.unique(table.first[m][table.allowed]).tolist())
            costs.extend(table.other[m].tolist())
        if limit.low is not None:
            # Both ends of the limit must cut the cells at the same place.
            costs.extend((stages[0].first[m, 0] - int(stages[0].first[m, 0, 0])).tolist())
            costs.extend(stages[0].other[m].tolist())
        g = gcd(*costs) or 1
        assert limit.high is not None  # noqa: S101 - the caller sets it
        budget = limit.high - constant
        self.unit = g
        self.blocks = [
            [np.array(table.blocks_of(c), dtype=np.int64) for c in range(len(table.channels))]
            for table in stages
        ]
        self._depths = [np.array([len(one) for one in blocks]) for blocks in self.blocks]
        self._gapless = [t.blocks and t.blocks[-1] - t.blocks[0] == len(t.blocks) - 1 for t in stages]
        self.head: Ints = (head - constant) // g
        self.first: list[Ints] = [table.first[m] // g for table in stages]
        self.other: list[Ints] = [table.other[m] // g for table in stages]
        # The first stage stays in figures: what it leaves is cut to cells.
        self._start = budget - stages[0].first[m, 0]
        self._step = stages[0].other[m]
        self.cells = int(self._start.max()) // g if len(self._start) else -1
        rest = int(stages[0].first[m, 0, 0]) % g
        self.window: int | None = None
        if limit.low is not None:
            self.window = (budget - rest) // g - (limit.low - 1 - constant - rest) // g

    def _check_size(self, keep: bool) -> None:
        widths = [len(table.channels) for table in self.tables.stages]
        rows = sum(widths[1 : self.split]) if keep else 2 * max(widths[1 : self.split], default=0)
        cells = (rows + (widths[self.split] if self.stages > 1 else 0)) * (self.cells + 1)
        if cells > _MOST_CELLS:
            raise BudgetError(
                f"counting this exactly needs a table of {cells * 8 / 2**30:,.0f} GiB; "
                "widths in coarser steps or a lower limit make it smaller"
            )

    def _needs(self) -> list[Ints]:
        """The fewest cells that the stages behind each one and the head can cost, for each width."""
        found = [self.head]
        for stage in range(self.stages - 1, 0, -1):
            table = self.tables.stages[stage]
            cost = np.where(table.allowed, self.first[stage] + found[0][None, :], 2**61)
            found.insert(0, cost.min(axis=1))
        return found

    def _first_stage(self) -> list[Ints]:
        """For each width of the first stage, the cells that each number of blocks leaves, ascending n."""
        found = []
        allowed = self.tables.stages[0].allowed[0].tolist()
        for c, (start, step) in enumerate(zip(self._start.tolist(), self._step.tolist(), strict=True)):
            left = (start - (self.blocks[0][c] - 1) * step) // self.unit
            found.append(left[(left >= 0) & allowed[c]])
        return found

    def depths(self, stage: int, c: Any, cells: Any) -> Any:
        """How many numbers of blocks a stage can have with so many cells left behind its first block.

        `c` is the index of a width, or an array of them, one for each of the last axis of `cells`.
        """
        cells = np.asarray(cells)
        most = cells // self.other[stage][c] + 1
        if self._gapless[stage]:
            # Without a search. No cells left give 0 or fewer blocks, and so none.
            shallowest = int(self.tables.stages[stage].blocks[0])
            return np.maximum(np.minimum(most - (shallowest - 1), self._depths[stage][c]), 0)
        if np.ndim(c):
            return np.stack([self.depths(stage, one, cells[..., j]) for j, one in enumerate(c.tolist())], -1)
        return np.where(cells >= 0, np.searchsorted(self.blocks[stage][c], most, side="right"), 0)

    def ends(self, c: Any, cells: Any) -> Any:
        """`depths` of the last stage, the head paid too, and within the lower limit where there is one."""
        cells = np.asarray(cells) - self.head[c]
        found = self.depths(self.stages - 1, c, cells)
        return found if self.window is None else found - self.depths(self.stages - 1, c, cells - self.window)

    def fits_alone(self, c: int, left: int) -> bool:
        """Whether a network of one stage that leaves so many cells fits, its head paid."""
        cells = int(left) - int(self.head[c])
        return cells >= 0 and (self.window is None or cells < self.window)

    def _endings(self) -> list[Cells]:
        """`W` of the stage behind the cut, for each of its widths."""
        last = self.stages - 1
        room = self._room()
        found = []
        for c, length in enumerate(room):
            if length <= 0:
                found.append(np.zeros(0, dtype=np.int64))
                continue
            if self.split == last:
                found.append(np.asarray(self.ends(c, np.arange(length)), dtype=np.int64))
                continue
            hits = np.zeros(length, dtype=np.int64)
            allowed = np.flatnonzero(self.tables.stages[last].allowed[c])
            for to in allowed.tolist():
                start = int(self.first[last][c, to] + self.head[to])
                at = start + (self.blocks[last][to] - 1) * int(self.other[last][to])
                np.add.at(hits, at[at < length], 1)
                if self.window is not None:
                    at = at + self.window
                    np.subtract.at(hits, at[at < length], 1)
            found.append(self._all_depths(np.cumsum(hits), last - 1, c))
        return found

    def _room(self) -> list[int]:
        """For each width behind the cut, one more than the cells that can be left for its further blocks."""
        most = [int(points.max(initial=-1)) for points in self.points]
        for stage in range(1, self.split + 1):
            table = self.tables.stages[stage]
            reach = np.where(table.allowed, np.array(most)[:, None] - self.first[stage], -1)
            most = reach.max(axis=0).tolist()
        return [value + 1 for value in most]

    def _all_depths(self, cells: Cells, stage: int, c: int, *, down: bool = False) -> Cells:
        """Sums a table over every number of blocks: `sum over n of cells[b - (n - 1) * other]`.

        With `down`, `cells[r + (n - 1) * other]`, for tables of what is left rather than spent.
        """
        stride, blocks = int(self.other[stage][c]), self.blocks[stage][c]
        if down:
            return self._all_depths(cells[::-1], stage, c)[::-1]
        length = len(cells)
        blocks = blocks[(blocks - 1) * stride < length]
        if not length or not len(blocks):
            return np.zeros(length, dtype=np.int64)
        cells = wide_enough(cells, len(blocks))
        if len(blocks) > 2 and (np.diff(blocks) == blocks[1] - blocks[0]).all():
            step = int(blocks[1] - blocks[0]) * stride
            if blocks[0] == 1 and (int(blocks[-1]) - 1) * stride + step >= length:
                return running_sum(cells, step)  # in place: the caller has no other use for them
            summed = running_sum(shifted(cells, (int(blocks[0]) - 1) * stride), step)
            past = (int(blocks[-1]) - 1) * stride + step
            if past < length:
                summed[past:] -= running_sum(cells.copy(), step)[: length - past]
            return summed
        summed = np.zeros_like(cells)
        for n in blocks.tolist():
            at = (n - 1) * stride
            summed[at:] += cells[: length - at]
        return summed

    def _beginnings(self, keep: bool) -> None:
        """`A` of every stage from the second up to the cut."""
        for stage in range(1, self.split):
            table = self.tables.stages[stage]
            found = []
            most = [int(cells.max(initial=0)) for cells in self.begin[-1]] if stage > 1 else []
            for to in range(len(table.channels)):
                before = np.flatnonzero(table.allowed[:, to]).tolist()
                if stage == 1:
                    acc = self._from_points(before, to)
                else:
                    acc = self._from_cells(stage, before, to, most)
                found.append(self._all_depths(acc, stage, to, down=True))
            self.begin.append(found)
            if not keep:
                del self.begin[:-1]

    def _from_points(self, before: list[int], to: int) -> Cells:
        spent = [self.points[c] - int(self.first[1][c, to]) for c in before]
        left = np.concatenate(spent) if spent else np.zeros(0, dtype=np.int64)
        left = left[left >= 0]
        return np.bincount(left) if len(left) else np.zeros(0, dtype=np.int64)

    def _from_cells(self, stage: int, before: list[int], to: int, most: list[int]) -> Cells:
        shifts = [(self.begin[-1][c], int(self.first[stage][c, to]), most[c]) for c in before]
        shifts = [(cells, by, top) for cells, by, top in shifts if len(cells) > by]
        length = max((len(cells) - by for cells, by, _ in shifts), default=0)
        bound = sum(top for _, _, top in shifts)
        narrow = bound < WIDE and all(cells.dtype != object for cells, _, _ in shifts)
        acc: Cells = np.zeros(length, dtype=np.int64 if narrow else object)
        # In blocks that stay in the cache while every width before is added to them; what is too
        # little for the stages that must follow is left out.
        for low in range(int(self.needs[stage][to]), length, _BLOCK):
            for cells, by, _ in shifts:
                part = cells[low + by : low + by + _BLOCK]
                acc[low : low + len(part)] += part
        return acc

    def _joined(self) -> list[tuple[int, int, int]]:
        """(width before the cut, width behind it, networks) of every pair that some network has."""
        table = self.tables.stages[self.split]
        found = []
        # Bounds from whole tables save a pass over every pair of them.
        most_begin = [exact_sum(cells) for cells in self.begin[-1]] if self.begin else []
        most_end = [int(cells.max(initial=0)) for cells in self.end]
        for c, to in np.argwhere(table.allowed).tolist():
            by, end = int(self.first[self.split][c, to]), self.end[to]
            if self.split == 1:
                at = self.points[c] - by
                count = exact_sum(end[at[at >= 0]])
            else:
                begin = self.begin[-1][c]
                length = min(len(begin) - by, len(end))
                bound = most_begin[c] * most_end[to]
                count = bounded_dot(begin[by : by + length], end[:length], bound) if length > 0 else 0
            if count:
                found.append((c, to, count))
        return found
