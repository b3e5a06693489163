"""Every network of a space within a budget, sorted by a figure.

What is held of each network are its widths, its blocks and its figures, as arrays; its text is written when
its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Chunk, chunks
from archkit.budget.objective import Objective
from archkit.budget.rows import Row, further
from archkit.budget.stage_tables import METRICS
from archkit.spec import SearchSpace

__all__ = ["rows_of_batches", "sorted_batches"]

_BATCH: Final = 50_000  # networks whose texts are written together


def sorted_batches(space: SearchSpace, budget: Budget, order: Objective) -> Iterator[tuple[Any, ...]]:
    """Every network of `space` within `budget`, sorted by a figure, in batches of columns.

    The columns are those of `archkit.budget.rows.columns`: a list of specs, then an array of each figure. Of
    equal ones, the earlier in the order of `candidates` comes first. No batch is empty.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    names = (*METRICS, *further(budget, order.name))
    found = chunks(space, budget, also=(*names[len(METRICS) :], order.name))
    parts = [_together(list(each), names) for _, each in groupby(found, key=lambda one: id(one.tables))]
    if not parts:
        return
    keys = np.concatenate([part.figure(order.name) for part in parts])
    by = np.argsort(-keys if order.most else keys, kind="stable")
    del keys
    starts = np.cumsum([0, *map(len, parts)])
    for low in range(0, len(by), _BATCH):
        yield _batch(parts, starts, by[low : low + _BATCH], names)


def rows_of_batches(batches: Iterable[tuple[Any, ...]]) -> Iterator[Row]:
    """The rows of such batches, one by one."""
    for specs, *figures in batches:
        yield from zip(specs, *(one.tolist() for one in figures), strict=True)


def _together(some: list[Chunk], names: tuple[str, ...]) -> Chunk:
    """The networks of one skeleton as a lone chunk. Its list of chunks is emptied on the way."""
    tables = some[0].tables
    rows = sorted({tables.figures.index(name) for name in names})
    sizes = [len(one) for one in some]
    n, stages = sum(sizes), len(tables.stages)
    # Half of the usual 64 bits hold every width and number of blocks.
    blocks: Any = np.empty((n, stages), dtype=np.int32)
    channels: Any = np.empty((n, stages), dtype=np.int32)
    costs = np.zeros((len(tables.figures), n), dtype=np.int64)
    at = n
    while some:
        one = some.pop()
        here, before = slice(at - len(one), at), len(one.blocks)
        blocks[here, :before], blocks[here, before:] = one.blocks, one.tail_blocks
        channels[here, :before], channels[here, before:] = one.channels, one.tail_channels
        costs[rows, here] = one.costs[rows]
        at -= len(one)
    return Chunk(
        tables=tables, blocks=(), channels=(), tail_blocks=blocks, tail_channels=channels, costs=costs
    )


def _batch(parts: list[Chunk], starts: Any, at: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """The columns of networks that are numbered through all parts."""
    where = np.searchsorted(starts, at, side="right") - 1
    specs = np.empty(len(at), dtype=object)
    with_decimals = {name for part in parts for name, n in part.tables.decimals.items() if n}
    figures = [np.empty(len(at), dtype=np.float64 if name in with_decimals else np.int64) for name in names]
    for p in np.unique(where).tolist():
        part, places = parts[p], np.flatnonzero(where == p)
        rows = at[places] - starts[p]
        specs[places] = part.specs(rows)
        for name, column in zip(names, figures, strict=True):
            column[places] = part.shown(name)[rows]
    return specs.tolist(), *figures
