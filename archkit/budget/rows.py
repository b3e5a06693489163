"""The rows of a list of networks: besides what every network costs, the figures that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, Chunk
from archkit.count.metrics import DEVICE, PEAK, TRAINING
from archkit.spec import parse

__all__ = ["Row", "columns", "further", "rows_of", "rows_of_chunks"]

Row: TypeAlias = tuple[Any, ...]
"""A network's spec, then its figures, in the order of `columns`."""

_MEMORIES: Final = (TRAINING, PEAK, *DEVICE)


def columns(budget: Budget, *also: str) -> tuple[str, ...]:
    """The names of a row's values: the spec, what it costs, and the figures of `further`."""
    return (*Candidate._fields, *further(budget, *also))


def further(budget: Budget, *also: str) -> tuple[str, ...]:
    """The kinds of memory that are limited or in `also`, and the figures of all tables."""
    wanted = {name for name, _ in budget.limited()} | set(also)
    return (*(name for name in _MEMORIES if name in wanted), *budget.names)


def rows_of(networks: Iterable[Candidate], budget: Budget, *also: str) -> Iterator[Row]:
    """The rows of networks one by one; the figures of `further` are worked out for each."""
    wanted = further(budget, *also)
    scales = {table.name: 10**table.decimals for table in budget.tables if table.decimals}
    for one in networks:
        found = budget.further_figures(parse(one.spec), also=also) if wanted else {}
        yield *one, *(found[name] / scales[name] if name in scales else found[name] for name in wanted)


def rows_of_chunks(found: Iterable[Chunk], extra: tuple[str, ...]) -> Iterator[Row]:
    """The rows of networks that come in arrays, whose tables were built with the figures `extra`."""
    for chunk in found:
        more = (chunk.shown(name).tolist() for name in extra)
        yield from ((*one, *rest) for one, *rest in zip(chunk.candidates(), *more, strict=True))
