"""The rows of a list of networks: besides what every network costs, the figures that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, Chunk
from archkit.count.metrics import PEAK, TRAINING
from archkit.spec import parse

__all__ = ["Row", "columns", "memories", "rows_of", "rows_of_chunks"]

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
