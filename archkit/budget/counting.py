"""Counting a space exactly, with tables over (stage, width, what is left of the budget).

A stage of n blocks costs `first(c_in, c) + (n - 1) * other(c)`, so that "one block more" is a shift
by `other(c)`, and all depths at once are a running sum with that stride. The networks of S stages
are cut in two: `A[c][r]` counts the beginnings that end in width c and leave r, and `W[c][b]` the endings
whose first stage is c wide and has b left once its first block is paid for. The count is then

    sum over c, c' of sum over r of A[c][r] * W[c'][r - first(c, c')]

Cells hold 64-bit integers wherever a bound in Python's integers shows that they suffice, and Python's
integers elsewhere. No float takes part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from archkit.budget.cell_costs import CellCosts, cell_costs
from archkit.budget.cells import WIDE, Cells, bounded_dot, exact_sum, running_sum, shifted, wide_enough
from archkit.budget.limits import Limit
from archkit.budget.stage_tables import Ints, SkeletonTables

__all__ = ["CountTable", "cells_needed", "count_table"]

_BLOCK: Final = 2**15  # cells that stay in a core's cache

_ByWidth: TypeAlias = Sequence[Cells]  # a table over cells for each width of a stage


@dataclass(frozen=True, kw_only=True, slots=True)
class CountTable:
    """How many networks of one skeleton keep to a limit on one figure. Make one with `count_table`.

    Attributes:
        costs: the costs in cells, and the limit.
        split: the first stage after the cut; 1 if there is only one stage.
        points: for each width of the first stage, the cells that each number of blocks leaves, in
            descending order.
        beginnings: `A` of the stages from the second to the one before the cut, or of that one alone;
            none if only the first stage is before the cut.
        endings: `W` of the stage after the cut; none if there is only one stage.
        pairs: (width before the cut, width after it, networks) for every pair that some network has.
        total: how many networks fit.
    """

    costs: CellCosts
    split: int
    points: tuple[Ints, ...] = ()
    beginnings: tuple[_ByWidth, ...] = ()
    endings: _ByWidth = ()
    pairs: tuple[tuple[int, int, int], ...] = ()
    total: int = 0


def count_table(tables: SkeletonTables, figure: str, limit: Limit, *, keep: bool = False) -> CountTable:
    """Count the networks of a skeleton that keep to a limit on one figure; it must have an upper end.

    `keep` holds on to the beginnings of every stage, which `Sampler` walks back through.
    `cells_needed` says beforehand how large the tables are.
    """
    costs = cell_costs(tables, figure, limit)
    split = max(1, costs.stages - 2)
    if costs.cells < 0:
        return CountTable(costs=costs, split=split)
    points = _first_stage(costs)
    if costs.stages == 1:
        total = sum(costs.fits_alone(c, left) for c, each in enumerate(points) for left in each)
        return CountTable(costs=costs, split=split, points=points, total=total)
    endings = _endings(costs, split, points)
    beginnings = _beginnings(costs, split, points, keep=keep)
    pairs = _pairs(costs, split, points, beginnings, endings)
    return CountTable(
        costs=costs,
        split=split,
        points=points,
        beginnings=beginnings,
        endings=endings,
        pairs=pairs,
        total=sum(count for _, _, count in pairs),
    )


def cells_needed(costs: CellCosts, *, keep: bool = False) -> int:
    """How many cells the tables of a count have together, at 8 bytes each."""
    split = max(1, costs.stages - 2)
    widths = [len(each) for each in costs.other]
    rows = sum(widths[1:split]) if keep else 2 * max(widths[1:split], default=0)
    return (rows + (widths[split] if costs.stages > 1 else 0)) * max(costs.cells + 1, 0)


def _first_stage(costs: CellCosts) -> tuple[Ints, ...]:
    """For each width of the first stage, the cells that each number of blocks leaves, fewest blocks first."""
    found = []
    allowed = costs.tables.stages[0].allowed[0].tolist()
    for c, (start, step) in enumerate(zip(costs.start.tolist(), costs.step.tolist(), strict=True)):
        left = (start - (costs.blocks[0][c] - 1) * step) // costs.unit
        found.append(left[(left >= 0) & allowed[c]])
    return tuple(found)


def _endings(costs: CellCosts, split: int, points: tuple[Ints, ...]) -> list[Cells]:
    """`W` of the stage after the cut."""
    last = costs.stages - 1
    found: list[Cells] = []
    for c, length in enumerate(_room(costs, split, points)):
        if length <= 0:
            found.append(np.zeros(0, dtype=np.int64))
        elif split == last:
            found.append(np.asarray(costs.endings_within(c, np.arange(length)), dtype=np.int64))
        else:
            hits = _last_stage(costs, c, length)
            found.append(_all_depths(costs, np.cumsum(hits), last - 1, c))
    return found


def _last_stage(costs: CellCosts, c: int, length: int) -> Cells:
    """How many last stages after width c, with the head, cost each number of cells."""
    last = costs.stages - 1
    hits = np.zeros(length, dtype=np.int64)
    for to in np.flatnonzero(costs.tables.stages[last].allowed[c]).tolist():
        start = int(costs.first[last][c, to] + costs.head[to])
        at = start + (costs.blocks[last][to] - 1) * int(costs.other[last][to])
        np.add.at(hits, at[at < length], 1)
        if costs.window is not None:
            at = at + costs.window
            np.subtract.at(hits, at[at < length], 1)
    return hits


def _room(costs: CellCosts, split: int, points: tuple[Ints, ...]) -> list[int]:
    """For each width after the cut, one more than the cells that can be left for its further blocks."""
    most = [int(each.max(initial=-1)) for each in points]
    for stage in range(1, split + 1):
        allowed = costs.tables.stages[stage].allowed
        reach = np.where(allowed, np.array(most)[:, None] - costs.first[stage], -1)
        most = reach.max(axis=0).tolist()
    return [value + 1 for value in most]


def _all_depths(costs: CellCosts, cells: Cells, stage: int, c: int, *, down: bool = False) -> Cells:
    """A table, summed over every number of blocks: `sum over n of cells[b - (n - 1) * other]`.

    With `down`, `cells[r + (n - 1) * other]` is summed, for tables of what is left rather than spent. The
    table that goes in may be changed.
    """
    stride, blocks = int(costs.other[stage][c]), costs.blocks[stage][c]
    if down:
        return _all_depths(costs, cells[::-1], stage, c)[::-1]
    length = len(cells)
    blocks = blocks[(blocks - 1) * stride < length]
    if not length or not len(blocks):
        return np.zeros(length, dtype=np.int64)
    cells = wide_enough(cells, len(blocks))
    if not stride:
        return cells * len(blocks)
    if len(blocks) > 2 and (np.diff(blocks) == blocks[1] - blocks[0]).all():
        return _evenly_spaced(cells, blocks, stride)
    summed = np.zeros_like(cells)
    for n in blocks.tolist():
        at = (n - 1) * stride
        summed[at:] += cells[: length - at]
    return summed


def _evenly_spaced(cells: Cells, blocks: Ints, stride: int) -> Cells:
    """The same sum where the numbers of blocks stand at equal distances: a running sum."""
    length = len(cells)
    step = int(blocks[1] - blocks[0]) * stride
    past = (int(blocks[-1]) - 1) * stride + step
    if blocks[0] == 1 and past >= length:
        return running_sum(cells, step)  # in place: the caller has no other use for them
    summed = running_sum(shifted(cells, (int(blocks[0]) - 1) * stride), step)
    if past < length:
        summed[past:] -= running_sum(cells.copy(), step)[: length - past]
    return summed


def _beginnings(
    costs: CellCosts, split: int, points: tuple[Ints, ...], *, keep: bool
) -> tuple[_ByWidth, ...]:
    """`A` of every stage from the second up to the cut; of the last of them alone unless `keep`."""
    kept: list[list[Cells]] = []
    needs = _needs(costs)
    for stage in range(1, split):
        allowed = costs.tables.stages[stage].allowed
        found = []
        most = [int(cells.max(initial=0)) for cells in kept[-1]] if stage > 1 else []
        for to in range(allowed.shape[1]):
            before = np.flatnonzero(allowed[:, to]).tolist()
            if stage == 1:
                first = _from_points(costs, points, before, to)
            else:
                entering = [(kept[-1][c], int(costs.first[stage][c, to]), most[c]) for c in before]
                first = _from_cells(entering, int(needs[stage][to]))
            found.append(_all_depths(costs, first, stage, to, down=True))
        if not keep:
            kept.clear()
        kept.append(found)
    return tuple(kept)


def _needs(costs: CellCosts) -> list[Ints]:
    """The fewest cells that the stages after each stage, and the head, can cost at each of its widths."""
    found = [costs.head]
    for stage in range(costs.stages - 1, 0, -1):
        allowed = costs.tables.stages[stage].allowed
        cost = np.where(allowed, costs.first[stage] + found[0][None, :], 2**61)
        found.insert(0, cost.min(axis=1))
    return found


def _from_points(costs: CellCosts, points: tuple[Ints, ...], before: list[int], to: int) -> Cells:
    """How many first stages, with a first block of the second, leave each number of cells."""
    spent = [points[c] - int(costs.first[1][c, to]) for c in before]
    left = np.concatenate(spent) if spent else np.zeros(0, dtype=np.int64)
    left = left[left >= 0]
    return np.bincount(left) if len(left) else np.zeros(0, dtype=np.int64)


def _from_cells(entering: list[tuple[Cells, int, int]], need: int) -> Cells:
    """How many beginnings, with a first block after them, leave each number of cells.

    For each width before, `entering` has its table, what the first block costs after it, and the greatest
    entry of the table. Entries below `need`, which is too little for the stages that follow, stay 0.
    """
    entering = [(cells, by, top) for cells, by, top in entering if len(cells) > by]
    length = max((len(cells) - by for cells, by, _ in entering), default=0)
    bound = sum(top for _, _, top in entering)
    narrow = bound < WIDE and all(cells.dtype != object for cells, _, _ in entering)
    found: Cells = np.zeros(length, dtype=np.int64 if narrow else object)
    # In blocks that stay in the cache while every width before is added to them.
    for low in range(need, length, _BLOCK):
        for cells, by, _ in entering:
            part = cells[low + by : low + by + _BLOCK]
            found[low : low + len(part)] += part
    return found


def _pairs(
    costs: CellCosts,
    split: int,
    points: tuple[Ints, ...],
    beginnings: tuple[_ByWidth, ...],
    endings: _ByWidth,
) -> tuple[tuple[int, int, int], ...]:
    """(width before the cut, width after it, networks) for every pair that some network has."""
    found = []
    # Bounds from whole tables save a pass over every pair of them.
    most_begin = [exact_sum(cells) for cells in beginnings[-1]] if beginnings else []
    most_end = [int(cells.max(initial=0)) for cells in endings]
    for c, to in np.argwhere(costs.tables.stages[split].allowed).tolist():
        by, end = int(costs.first[split][c, to]), endings[to]
        if split == 1:
            at = points[c] - by
            count = exact_sum(end[at[at >= 0]])
        else:
            begin = beginnings[-1][c]
            length = min(len(begin) - by, len(end))
            bound = most_begin[c] * most_end[to]
            count = bounded_dot(begin[by : by + length], end[:length], bound) if length > 0 else 0
        if count:
            found.append((c, to, count))
    return tuple(found)
