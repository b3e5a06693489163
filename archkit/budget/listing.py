"""The networks of a space that keep to a budget, as a stream.

The last two stages of every network that enters them at the same width cost the same: they are
listed once, as arrays, and each beginning (the stages before them) is met with the whole array at
a time. Memory holds one array, however long the list is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.tables import METRICS, NO_LIMIT, Ints, StageTable, Tables, build_tables
from archkit.errors import BudgetError
from archkit.spec import SearchSpace, parse
from archkit.spec.space import Setting

__all__ = ["Candidate", "Chunk", "candidates", "check_finite", "chunks", "largest"]

_TAIL: Final = 2  # stages that are listed as arrays, at most
_MOST_ENDINGS: Final = 2_000_000  # rows of such an array


class Candidate(NamedTuple):
    """A network within the budget, and what it costs for one image."""

    spec: str
    params: int
    macs: int
    activations: int
    depth: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Networks that begin alike. Legend: M metrics, N networks, T stages of the tail.

    Attributes:
        tables: their setting and number of stages.
        blocks: blocks of the stages before the tail.
        channels: widths of the stages before the tail.
        tail_blocks: blocks of the tail's stages, N x T.
        tail_channels: widths of the tail's stages, N x T.
        costs: M x N.
    """

    tables: Tables
    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    tail_blocks: Ints
    tail_channels: Ints
    costs: Ints

    def __len__(self) -> int:
        """How many networks."""
        return int(self.costs.shape[1])

    def candidate(self, i: int) -> Candidate:
        """One of them, its spec in canonical form."""
        text = _text(
            (*self.blocks, *self.tail_blocks[i].tolist()), (*self.channels, *self.tail_channels[i].tolist())
        )
        if self.tables.setting.text:
            # Through the language, so that an option at its default is left out.
            text = str(parse(f"{text} {self.tables.setting.text}"))
        return Candidate(text, *self.costs[:, i].tolist())


def candidates(space: SearchSpace, budget: Budget) -> Iterator[Candidate]:
    """Every network of `space` within `budget`, one by one.

    The order: by setting, then number of stages, then the stages before the last two (blocks and
    width of the first, of the second, ...), then the last two likewise.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either.
    """
    for chunk in chunks(space, budget):
        for i in range(len(chunk)):
            yield chunk.candidate(i)


def largest(
    space: SearchSpace, budget: Budget, n: int, *, by: str = "params"
) -> tuple[tuple[Candidate, ...], int]:
    """The `n` networks within `budget` of the greatest figure `by`, largest first, and how many fit in all.

    Of equal ones, the earlier in the order of `candidates` comes first.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either.
    """
    row = METRICS.index(by)
    heap: list[tuple[int, int, Candidate]] = []
    seen = 0
    for chunk in chunks(space, budget):
        figures = chunk.costs[row]
        least = heap[0][0] if len(heap) == n and n else None
        good = np.arange(len(chunk)) if least is None else np.flatnonzero(figures > least)
        for i in good.tolist():
            entry = (int(figures[i]), -(seen + i))
            if len(heap) < n:
                heapq.heappush(heap, (*entry, chunk.candidate(i)))
            elif n and entry > heap[0][:2]:
                heapq.heapreplace(heap, (*entry, chunk.candidate(i)))
        seen += len(chunk)
    return tuple(candidate for _, _, candidate in sorted(heap, reverse=True)), seen


def chunks(space: SearchSpace, budget: Budget) -> Iterator[Chunk]:
    """The same networks as arrays, in the same order; no chunk is empty.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either.
    """
    check_finite(space, budget)
    for setting in space.settings:
        for stages in range(space.stages[0], space.stages[1] + 1):
            yield from _Walk(space, setting, stages, budget).chunks()


def check_finite(space: SearchSpace, budget: Budget) -> None:
    """Refuses a list without end.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either.
    """
    finite = all(one.finite for one in (*space.blocks, *space.channels))
    if not finite and all(getattr(budget, name).high is None for name in METRICS):
        raise BudgetError("the space has no upper end; a limit such as --max-params gives it one")


class _Walk:
    """One setting and number of stages: every beginning, met with its tail."""

    def __init__(self, space: SearchSpace, setting: Setting, stages: int, budget: Budget) -> None:
        limits = [getattr(budget, name) for name in METRICS]
        self._low = np.array([limit.low or 0 for limit in limits], dtype=np.int64)
        self._high = np.array(
            [NO_LIMIT if limit.high is None else limit.high for limit in limits], dtype=np.int64
        )
        self._tables = build_tables(space, setting, stages, high=self._high)
        self._stages = self._tables.stages
        self._split = self._longest_tail()
        self._tails: dict[int, tuple[Ints, Ints, Ints]] = {}

    def _longest_tail(self) -> int:
        """Where the tail begins: two stages from the end, or later where that would be too many."""
        endings, split = 1, len(self._stages)
        for table in reversed(self._stages[-_TAIL:]):
            endings *= table.endings
            if endings > _MOST_ENDINGS:
                break
            split -= 1
        return split

    def chunks(self) -> Iterator[Chunk]:
        start = np.zeros(len(METRICS), dtype=np.int64)
        yield from self._beginnings(0, 0, start, (), ())

    def _beginnings(
        self, stage: int, before: int, cost: Ints, blocks: tuple[int, ...], channels: tuple[int, ...]
    ) -> Iterator[Chunk]:
        """`before` is the index of the width of the stage before; `cost` of what has been laid so far, M."""
        if stage == self._split:
            yield from self._with_tail(before, cost, blocks, channels)
            return
        table = self._stages[stage]
        for j in np.flatnonzero(table.allowed[before]).tolist():
            here = cost + table.first[:, before, j]
            done = 0
            for n in table.blocks:
                here = here + (n - 1 - done) * table.other[:, j]
                done = n - 1
                if (here > self._high).any():
                    break  # every further block costs more
                yield from self._beginnings(stage + 1, j, here, (*blocks, n), (*channels, table.channels[j]))

    def _with_tail(
        self, before: int, cost: Ints, blocks: tuple[int, ...], channels: tuple[int, ...]
    ) -> Iterator[Chunk]:
        if before not in self._tails:
            self._tails[before] = self._tail(before)
        tail_costs, tail_blocks, tail_channels = self._tails[before]
        costs = tail_costs + cost[:, None]
        fits = ((costs >= self._low[:, None]) & (costs <= self._high[:, None])).all(axis=0)
        if fits.any():
            yield Chunk(
                tables=self._tables,
                blocks=blocks,
                channels=channels,
                tail_blocks=tail_blocks[fits],
                tail_channels=tail_channels[fits],
                costs=costs[:, fits],
            )

    def _tail(self, before: int) -> tuple[Ints, Ints, Ints]:
        """All endings behind a width: costs M x N with the head, blocks N x T, channels N x T."""
        costs = np.zeros((len(METRICS), 1), dtype=np.int64)
        blocks = np.zeros((1, 0), dtype=np.int64)
        channels = np.zeros((1, 0), dtype=np.int64)
        width = np.array([before])
        for table in self._stages[self._split :]:
            costs, blocks, channels, width = self._extended(table, costs, blocks, channels, width)
        return costs + self._tables.head[:, width], blocks, channels

    def _extended(
        self, table: StageTable, costs: Ints, blocks: Ints, channels: Ints, width: Ints
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """Every ending so far, followed by every width and number of blocks of one more stage."""
        at, to = np.nonzero(table.allowed[width])
        first = costs[:, at] + table.first[:, width[at], to]
        other = table.other[:, to]
        depths = np.array(table.blocks, dtype=np.int64)
        most = ((self._high[:, None] - first) // other).min(axis=0) + 1
        n = np.searchsorted(depths, most, side="right")
        rows = np.repeat(np.arange(len(at)), n)
        # 0, 1, ..., n - 1 for each pair of a beginning and a width
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)
        depth = depths[nth]
        ends = first[:, rows] + other[:, rows] * (depth - 1)
        here = to[rows]
        blocks = np.column_stack([blocks[at[rows]], depth])
        channels = np.column_stack([channels[at[rows]], np.array(table.channels)[here]])
        return ends, blocks, channels, here


def _text(blocks: tuple[int, ...], channels: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, blocks))}]x[{','.join(map(str, channels))}]"
