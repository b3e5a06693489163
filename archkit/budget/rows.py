"""The rows of a list of networks: besides what every network costs, the figures that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, Chunk, chunks
from archkit.budget.objective import Objective
from archkit.count.metrics import PEAK, TRAINING
from archkit.spec import SearchSpace, parse

__all__ = ["Row", "columns", "memories", "rows_of", "rows_of_chunks", "sorted_rows"]

Row: TypeAlias = tuple[Any, ...]
"""A network's spec, then its figures, in the order of `columns`."""

_MEMORIES: Final = (TRAINING, PEAK)


def columns(budget: Budget, *also: str) -> tuple[str, ...]:
    """The names of a row's values: the spec, what it costs, each memory that is limited or in `also`."""
    return (*Candidate._fields, *memories(budget, *also))


def memories(budget: Budget, *also: str) -> tuple[str, ...]:
    """The kinds of memory that are limited or in `also`."""
    wanted = {name for name, _ in budget.limited()} | set(also)
    return tuple(name for name in _MEMORIES if name in wanted)


def rows_of(networks: Iterable[Candidate], budget: Budget, *also: str) -> Iterator[Row]:
    """The rows of networks one by one; the memories are worked out for each."""
    wanted = memories(budget, *also)
    for one in networks:
        found = budget.memories(parse(one.spec), also=also) if wanted else {}
        yield *one, *(found[name] for name in wanted)


def rows_of_chunks(found: Iterable[Chunk], extra: tuple[str, ...]) -> Iterator[Row]:
    """The rows of networks that come in arrays, whose tables were built with the memories `extra`."""
    for chunk in found:
        more = (chunk.figure(name).tolist() for name in extra)
        yield from ((*one, *rest) for one, *rest in zip(chunk.candidates(), *more, strict=True))


def sorted_rows(space: SearchSpace, budget: Budget, order: Objective) -> Iterator[Row]:
    """The rows of every network of `space` within `budget`, sorted by a figure; all are held in memory.

    Of equal ones, the earlier in the order of `candidates` comes first.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    extra = memories(budget, order.name)
    rows: list[Row] = []
    figures = [np.zeros(0, dtype=np.int64)]
    for chunk in chunks(space, budget, also=(*extra, order.name)):
        rows += rows_of_chunks([chunk], extra)
        figures.append(chunk.figure(order.name) * (-1 if order.most else 1))
    for i in np.argsort(np.concatenate(figures), kind="stable").tolist():
        yield rows[i]
