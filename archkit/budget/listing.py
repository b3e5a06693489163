"""The networks of a space that keep to a budget, as a stream.

The last two stages cost the same in all networks that enter them at the same width. They are listed once, as
arrays, and each beginning (the stages before them) is joined with a whole array at a time. Memory holds these
arrays, however long the list is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.rooms import times
from archkit.budget.stage_tables import METRICS, Ints, SkeletonTables, StageTable, build_tables
from archkit.count.metrics import DEVICE, TRAINING
from archkit.errors import BudgetError
from archkit.spec import SearchSpace, parse
from archkit.spec.space import Combination

__all__ = ["Candidate", "Chunk", "candidates", "check_finite", "chunks", "skeleton_chunks"]

_TAIL: Final = 2  # the most stages that are listed as arrays
_MOST_ENDINGS: Final = 2_000_000  # the most rows of such an array
_MOST_KEPT: Final = 8_000_000  # the most rows of all of them together
_ROWS: Final = 4_096  # networks that are written out together


class Candidate(NamedTuple):
    """A network within the budget, and what it costs for one image."""

    spec: str
    params: int
    macs: int
    activations: int
    depth: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Networks that begin alike. Legend: M figures, N networks, T stages of the tail.

    Attributes:
        tables: those of their skeleton.
        blocks: blocks of the stages before the tail.
        channels: widths of the stages before the tail.
        tail_blocks: blocks of the tail's stages, N x T.
        tail_channels: widths of the tail's stages, N x T.
        costs: M x N.
    """

    tables: SkeletonTables
    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    tail_blocks: Ints
    tail_channels: Ints
    costs: Ints

    def __len__(self) -> int:
        """How many networks."""
        return int(self.costs.shape[1])

    def candidate(self, i: int) -> Candidate:
        """One of them, with its spec in canonical form."""
        return next(self.candidates(np.array([i])))

    def candidates(self, at: Ints | None = None) -> Iterator[Candidate]:
        """All of them, or those at some places, with their specs in canonical form."""
        at = np.arange(len(self)) if at is None else at
        for low in range(0, len(at), _ROWS):
            rows = at[low : low + _ROWS]
            costs = self.costs[: len(METRICS), rows].T.tolist()
            for text, cost in zip(self.specs(rows), costs, strict=True):
                yield Candidate(text, *cost)

    def specs(self, at: Ints) -> list[str]:
        """The specs of those at some places, in canonical form."""
        # One format for all: most of the work of listing is writing numbers.
        stages = self.tail_blocks.shape[1]
        blocks = ",".join([*map(str, self.blocks), *["%d"] * stages])
        channels = ",".join([*map(str, self.channels), *["%d"] * stages])
        form = f"[{blocks}]x[{channels}]"
        tails = np.column_stack([self.tail_blocks[at], self.tail_channels[at]]).tolist()
        texts = [form % tuple(tail) for tail in tails]
        if not self.tables.combination.text:
            return texts
        first = [self.channels[0]] * len(at) if self.channels else self.tail_channels[at, 0].tolist()
        options: dict[int, str] = {}
        for c, text in zip(first, texts, strict=True):
            if c not in options:
                options[c] = self._options(text)
        return [text + options[c] for c, text in zip(first, texts, strict=True)]

    def _options(self, text: str) -> str:
        """The options after a network's blocks and channels; those at their default are left out.

        Which ones are at their default depends on the width of the first stage alone, since the default stem
        is as wide.
        """
        return str(parse(f"{text} {self.tables.combination.text}")).removeprefix(text)

    def widths(self, i: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Blocks and channels of one of them."""
        return (
            (*self.blocks, *self.tail_blocks[i].tolist()),
            (*self.channels, *self.tail_channels[i].tolist()),
        )

    def figure(self, name: str) -> Ints:
        """One figure of every network, N.

        Raises:
            ValueError: the tables were built without it.
        """
        found: Ints = self.costs[self.tables.figures.index(name)]
        return found

    def shown(self, name: str) -> Any:
        """The same as it is shown: numbers with decimals where a table gives them.

        Raises:
            ValueError: the tables were built without it.
        """
        decimals = self.tables.decimals.get(name, 0)
        return self.figure(name) / 10**decimals if decimals else self.figure(name)


def candidates(space: SearchSpace, budget: Budget) -> Iterator[Candidate]:
    """Every network of `space` within `budget`, one by one.

    They come in order of combination, then number of stages, then width and blocks of the first stage, of the
    second, and so on, all ascending.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    for chunk in chunks(space, budget):
        yield from chunk.candidates()


def chunks(space: SearchSpace, budget: Budget, *, also: tuple[str, ...] = ()) -> Iterator[Chunk]:
    """The networks of `candidates` as arrays, in the same order; no chunk is empty.

    `also` names figures that are wanted whether they are limited or not.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    check_finite(space, budget)
    for combination, stages in space.skeletons():
        found = _Walk(space, combination, stages, budget, also).chunks()
        if budget.on_device or not set(DEVICE).isdisjoint(also):
            found = (one for chunk in found if len(one := _on_device(chunk, space, budget, also)))
        yield from found


def _on_device(chunk: Chunk, space: SearchSpace, budget: Budget, also: tuple[str, ...]) -> Chunk:
    """Those whose arena and flash keep to the limits; they themselves, where they are in `also`."""
    tables = chunk.tables
    blocks = np.column_stack([np.tile(chunk.blocks, (len(chunk), 1)), chunk.tail_blocks]).astype(np.int64)
    channels = np.column_stack([np.tile(chunk.channels, (len(chunk), 1)), chunk.tail_channels])
    may = np.arange(len(chunk))
    if tables.device is not None:
        may = np.flatnonzero(tables.device.may_fit(blocks, channels.astype(np.int64)))
    kept, figures = [], []
    wanted = [name for name in DEVICE if name in also]
    for i in may.tolist():
        spec = space.spec(tables.combination, *chunk.widths(i))
        if budget.fits_device(spec):
            kept.append(i)
            exact = budget.further_figures(spec, also=tuple(wanted)) if wanted else {}
            figures.append([exact[name] for name in wanted])
    costs = chunk.costs[:, kept]
    for name, column in zip(wanted, zip(*figures, strict=True), strict=False):
        costs[tables.figures.index(name)] = column
    return replace(
        chunk, tail_blocks=chunk.tail_blocks[kept], tail_channels=chunk.tail_channels[kept], costs=costs
    )


def skeleton_chunks(
    space: SearchSpace, combination: Combination, stages: int, budget: Budget
) -> Iterator[Chunk]:
    """Those of one skeleton; arena and flash are held to what tables can tell alone."""
    return _Walk(space, combination, stages, budget, ()).chunks()


def check_finite(space: SearchSpace, budget: Budget) -> None:
    """Refuse a list without end.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    finite = all(one.finite for one in (*space.blocks, *space.channels))
    if not finite and all(
        budget.limit(name).high is None for name in (*METRICS, TRAINING, *DEVICE, *budget.names)
    ):
        raise BudgetError("the space has no upper end; set a limit such as --max-params")


class _Walk:
    """One skeleton: every beginning, joined with its tails."""

    def __init__(
        self, space: SearchSpace, combination: Combination, stages: int, budget: Budget, also: tuple[str, ...]
    ) -> None:
        self._tables = build_tables(space, combination, stages, budget, also=also)
        self._low, self._high = self._tables.low, self._tables.high
        self._stages = self._tables.stages
        self._split = self._longest_tail()
        self._tails: dict[int, tuple[Ints, Ints, Ints]] = {}

    def _longest_tail(self) -> int:
        """Where the tail begins: two stages from the end, or later if that would make too many rows."""
        endings, split = 1, len(self._stages)
        for i in range(len(self._stages) - 1, max(len(self._stages) - 1 - _TAIL, -1), -1):
            endings *= self._stages[i].endings
            # A tail is kept for every width that it is entered at.
            entered = len(self._stages[i - 1].channels) if i else 1
            if endings > _MOST_ENDINGS or endings * entered > _MOST_KEPT:
                break
            split = i
        return split

    def chunks(self) -> Iterator[Chunk]:
        start = np.zeros(len(self._tables.figures), dtype=np.int64)
        yield from self._beginnings(0, 0, start, (), ())

    def _beginnings(
        self, stage: int, before: int, cost: Ints, blocks: tuple[int, ...], channels: tuple[int, ...]
    ) -> Iterator[Chunk]:
        """Every beginning that goes on from some stages.

        `cost` is what those cost, M, and `before` is the index of the last one's width.
        """
        if stage == self._split:
            yield from self._with_tail(before, cost, blocks, channels)
            return
        table = self._stages[stage]
        for j in np.flatnonzero(table.allowed[before]).tolist():
            entered = self._tables.joined(cost, table.first[:, before, j])
            for n in table.blocks_of(j):
                here = self._tables.joined(entered, self._tables.further(table.other[:, j], np.array(n - 1)))
                if (here > self._high).any():
                    break  # no further block makes it cheaper
                yield from self._beginnings(stage + 1, j, here, (*blocks, n), (*channels, table.channels[j]))

    def _with_tail(
        self, before: int, cost: Ints, blocks: tuple[int, ...], channels: tuple[int, ...]
    ) -> Iterator[Chunk]:
        if before not in self._tails:
            self._tails[before] = self._tail(before)
        tail_costs, tail_blocks, tail_channels = self._tails[before]
        costs = self._tables.joined(tail_costs, cost[:, None])
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
        """All tails after a width: costs with the head, M x N, blocks, N x T, and channels, N x T."""
        costs = np.zeros((len(self._tables.figures), 1), dtype=np.int64)
        blocks = np.zeros((1, 0), dtype=np.int64)
        channels = np.zeros((1, 0), dtype=np.int64)
        width = np.array([before])
        for table in self._stages[self._split :]:
            costs, blocks, channels, width = self._extended(table, costs, blocks, channels, width)
        return self._tables.joined(costs, self._tables.head[:, width]), blocks, channels

    def _extended(
        self, table: StageTable, costs: Ints, blocks: Ints, channels: Ints, width: Ints
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """Every tail so far, followed by every width and number of blocks of one more stage."""
        at, to = np.nonzero(table.allowed[width])
        first = self._tables.joined(costs[:, at], table.first[:, width[at], to])
        other = table.other[:, to]
        depths = np.array(table.blocks, dtype=np.int64)
        sums = self._tables.sums
        most = times(self._high[:sums, None] - first[:sums], other[:sums]).min(axis=0) + 1
        most = np.where(table.deeper[to], most, np.minimum(most, 1))
        n = np.searchsorted(depths, most, side="right")
        rows = np.repeat(np.arange(len(at)), n)
        # 0, 1, ..., n - 1 for each pair of a beginning and a width
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)
        depth = depths[nth]
        ends = self._tables.joined(first[:, rows], self._tables.further(other[:, rows], depth - 1))
        here = to[rows]
        blocks = np.column_stack([blocks[at[rows]], depth])
        channels = np.column_stack([channels[at[rows]], np.array(table.channels)[here]])
        return ends, blocks, channels, here
