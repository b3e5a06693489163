"""One figure's costs in cells: whole multiples of their greatest common divisor.

What the limit leaves is cut to cells too. A remainder of less than a cell can pay for nothing, so that
dropping it rounds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from archkit.budget.limits import Limit
from archkit.budget.rooms import times
from archkit.budget.stage_tables import Ints, SkeletonTables

__all__ = ["CellCosts", "cell_costs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CellCosts:
    """What the networks of one skeleton cost of one figure. Legend: P, C widths of a stage before and here.

    Attributes:
        tables: the tables that the costs come from.
        unit: how much of the figure one cell is.
        blocks: for each stage and width, the numbers of blocks that it may have.
        depths: for each stage, how many those are, C.
        gapless: for each stage, whether its numbers of blocks follow one another without a gap.
        first: cells of each stage's first block, P x C.
        other: cells of each further block, C.
        head: cells of the head beyond its constant part, C.
        start: what the limit leaves after a first block of the first stage and the head's constant part, C.
            It is in the figure itself: what the first stage leaves is what is cut to cells.
        step: cost of a further block of the first stage, in the figure itself, C.
        cells: the most cells that a first block of the first stage leaves; negative if none fits.
        window: how many cells lie between the ends of the limit; None without a lower end.
    """

    tables: SkeletonTables
    unit: int
    blocks: tuple[tuple[Ints, ...], ...]
    depths: tuple[Ints, ...]
    gapless: tuple[bool, ...]
    first: tuple[Ints, ...]
    other: tuple[Ints, ...]
    head: Ints
    start: Ints
    step: Ints
    cells: int
    window: int | None

    @property
    def stages(self) -> int:
        """How many stages the networks have."""
        return len(self.first)

    def depths_within(self, stage: int, c: Any, cells: Any) -> Any:
        """How many numbers of blocks a stage can have with `cells` left after its first block.

        `c` is the index of a width, or an array of them, one for each of the last axis of `cells`.
        """
        cells = np.asarray(cells)
        most = times(cells, self.other[stage][c]) + 1
        if self.gapless[stage]:
            # Without a search. No cells left give 0 or fewer blocks, and so none.
            shallowest = int(self.tables.stages[stage].blocks[0])
            return np.maximum(np.minimum(most - (shallowest - 1), self.depths[stage][c]), 0)
        if np.ndim(c):
            each = [self.depths_within(stage, one, cells[..., j]) for j, one in enumerate(c.tolist())]
            return np.stack(each, -1)
        return np.where(cells >= 0, np.searchsorted(self.blocks[stage][c], most, side="right"), 0)

    def endings_within(self, c: Any, cells: Any) -> Any:
        """The same for the last stage, with the head paid for too, and within the lower end of the limit."""
        last = self.stages - 1
        cells = np.asarray(cells) - self.head[c]
        found = self.depths_within(last, c, cells)
        return found if self.window is None else found - self.depths_within(last, c, cells - self.window)

    def fits_alone(self, c: int, left: int) -> bool:
        """Whether a network of one stage fits if it leaves `left` cells before its head is paid for."""
        cells = int(left) - int(self.head[c])
        return cells >= 0 and (self.window is None or cells < self.window)


def cell_costs(tables: SkeletonTables, figure: str, limit: Limit) -> CellCosts:
    """One figure's costs in cells, and what a limit with an upper end leaves of it."""
    m = tables.figures.index(figure)
    stages = tables.stages
    constant = int(tables.head[m].min())
    assert limit.high is not None  # noqa: S101 - the caller sets it
    budget = limit.high - constant
    unit = _unit(tables, m, whole_start=limit.low is not None)
    # The first stage stays in the figure: what it leaves is cut to cells.
    start = budget - stages[0].first[m, 0]
    rest = int(stages[0].first[m, 0, 0]) % unit
    window = None
    if limit.low is not None:
        window = (budget - rest) // unit - (limit.low - 1 - constant - rest) // unit
    blocks = tuple(table.blocks_by_width() for table in stages)
    return CellCosts(
        tables=tables,
        unit=unit,
        blocks=blocks,
        depths=tuple(np.array([len(one) for one in each]) for each in blocks),
        gapless=tuple(bool(t.blocks) and t.blocks[-1] - t.blocks[0] == len(t.blocks) - 1 for t in stages),
        first=tuple(table.first[m] // unit for table in stages),
        other=tuple(table.other[m] // unit for table in stages),
        head=(tables.head[m] - constant) // unit,
        start=start,
        step=stages[0].other[m],
        cells=int(start.max()) // unit if len(start) else -1,
        window=window,
    )


def _unit(tables: SkeletonTables, m: int, *, whole_start: bool) -> int:
    """The greatest common divisor of all costs of a figure; of the first stage only with `whole_start`."""
    stages, head = tables.stages, tables.head[m]
    costs = [int(d) for d in np.unique(head - head.min())]
    for table in stages[1:]:
        costs.extend(np.unique(table.first[m][table.allowed]).tolist())
        costs.extend(table.other[m].tolist())
    if whole_start:
        # Both ends of the limit must cut the cells at the same place.
        costs.extend((stages[0].first[m, 0] - int(stages[0].first[m, 0, 0])).tolist())
        costs.extend(stages[0].other[m].tolist())
    return gcd(*costs) or 1
