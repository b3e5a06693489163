"""What the stages of a space can cost, as tables over widths.

A *skeleton* is a combination of options with a number of stages: all that a network is, except for the widths
and depths of its stages. The tables of one skeleton hold the cost of every network that has it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archkit.budget.device import DeviceTables, device_tables
from archkit.budget.limits import Budget, Limit
from archkit.budget.rooms import times
from archkit.budget.table_rows import TableRows, check_total, table_rows
from archkit.count.held import HeldTables, held_tables, in_bytes
from archkit.count.metrics import DEVICE, PEAK, TRAINING
from archkit.count.tables import CEILING, METRICS, Bools, CostTables, Ints, cost_tables, stem_width
from archkit.plan import Outline, outline
from archkit.spec import ArchSpec, SearchSpace
from archkit.spec.options import BLOCKS
from archkit.spec.space import Combination

__all__ = [
    "CEILING",
    "METRICS",
    "Bools",
    "Ints",
    "SkeletonTables",
    "StageTable",
    "build_tables",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTable:
    """One stage. Legend: M figures, P widths of the stage before, C widths of this one.

    Attributes:
        channels: base widths of this stage, ascending, C.
        blocks: numbers of blocks, ascending, up to the most that the limits leave room for.
        first: cost of the stage's first block, M x P x C; the first stage's has the stem in it, M x 1 x C.
        other: cost of each further block, M x C.
        follows: whether the space and the language let a width follow one of the stage before, P x C.
        allowed: whether the limit on peak memory also lets it, P x C.
        deeper: whether the language and that limit let a stage of a width have more than one block, C.
        most: the most blocks that the limits leave room for at each width, whatever the other stages
            are, C; at most 1 where it may not be deeper.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    first: Ints
    other: Ints
    follows: Bools
    allowed: Bools
    deeper: Bools
    most: Ints

    @property
    def endings(self) -> int:
        """The most pairs of a width and a number of blocks that there can be."""
        return int(self.depths.sum())

    @property
    def depths(self) -> Ints:
        """How many numbers of blocks each width may have, C."""
        return np.searchsorted(np.array(self.blocks, dtype=np.int64), self.most, side="right")

    @property
    def most_further(self) -> Ints:
        """The most further blocks at each width, C."""
        found: Ints = np.clip(self.most, 1, self.blocks[-1] if self.blocks else 1) - 1
        return found

    def blocks_of(self, c: int) -> tuple[int, ...]:
        """The numbers of blocks that a stage of one width may have."""
        return self.blocks[: bisect_right(self.blocks, int(self.most[c]))]

    def blocks_by_width(self) -> tuple[Ints, ...]:
        """The same for every width, as views of one array."""
        every = np.array(self.blocks, dtype=np.int64)
        return tuple(every[:n] for n in self.depths.tolist())


@dataclass(frozen=True, kw_only=True, slots=True)
class SkeletonTables:
    """All stages of the networks of one skeleton.

    Attributes:
        combination: the options.
        like: a network of this skeleton; the others differ from it in widths and depths alone.
        figures: the figures in the order of every table's first axis, M: those of `Cost`, then
            training memory, the figures of tables, what adds up of arena and flash, and peak memory, where
            they are wanted. Each is a sum over blocks, except the peak, which is their maximum.
        low: the lower limit of each figure, M; 0 where there is none.
        high: the upper limit of each figure, M; `CEILING` where it has none.
        stages: one table for each stage.
        head: cost of the head after each width of the last stage, M x C.
        decimals: of the figures that tables give, how many decimals their whole numbers stand for.
        device: what the blocks take on a device at least, where that is limited or wanted.
    """

    combination: Combination
    like: ArchSpec
    figures: tuple[str, ...]
    low: Ints
    high: Ints
    stages: tuple[StageTable, ...]
    head: Ints
    decimals: Mapping[str, int]
    device: DeviceTables | None

    @property
    def sums(self) -> int:
        """How many of the figures are sums: all except the peak."""
        return len(self.figures) - (self.figures[-1:] == (PEAK,))

    def outline(self) -> Outline:
        """The layers of these networks; channels are arrays of the stages' widths."""
        widths = [np.array(table.channels, dtype=np.int64) for table in self.stages]
        width = stem_width(self.like, widths, stem_follows=self.combination.stem_follows)
        return outline(self.like, widths, stem_width=width)

    @property
    def fewest(self) -> tuple[int, ...]:
        """The further blocks that each stage must have at least; 0 where it can have none at all."""
        return tuple(table.blocks[0] - 1 if table.blocks else 0 for table in self.stages)

    def binding(self) -> list[int]:
        """The rows of the figures that are limited, and of the peak if it is among the figures."""
        rows = range(len(self.figures))
        return [m for m in rows if m >= self.sums or self.low[m] > 0 or self.high[m] < CEILING]

    def joined(self, a: Ints, b: Ints) -> Ints:
        """What two parts of a network cost together; the figures are on the first axis."""
        found: Ints = a + b
        if self.sums < len(self.figures):
            found[-1] = np.maximum(a[-1], b[-1])
        return found

    def further(self, other: Ints, more: Ints) -> Ints:
        """What `more` further blocks cost, M x N, if one costs `other`, M x N or M x 1."""
        found: Ints = other * more
        if self.sums < len(self.figures):
            found[-1] = np.where(more > 0, other[-1], 0)
        return found


def build_tables(
    space: SearchSpace, combination: Combination, stages: int, budget: Budget, *, also: Iterable[str] = ()
) -> SkeletonTables:
    """The tables of one skeleton.

    An upper limit on peak memory limits each block by itself: it rules out widths and depths. So does one on
    the arena; what may keep to those on arena and flash by these tables is still to be looked at.

    Args:
        space: the space.
        combination: one of its combinations of options.
        stages: the number of stages.
        budget: the limits. Blocks that neither the space nor a limit ends, the language does.
        also: figures that are wanted besides the limited ones.

    Raises:
        BudgetError: the largest network's figures would not fit 64 bits, there are too many widths, or a
            table has no cost for a block that the space can have.
        ExportError: arena or flash are limited, and TensorFlow Lite Micro lacks an operator.
    """
    by_stage = space.by_stage(stages)
    channels = [one.values for _, one in by_stage]
    # Where a stage has no upper end the limits bound its figures, and its depth does not matter here.
    like = space.frame(combination, stages)
    widths = [np.array(values, dtype=np.int64) for values in channels]
    stem_follows = combination.stem_follows
    costs = cost_tables(like, widths, stem_follows=stem_follows)
    possible = space.possible(combination, stages)
    figures = _figures(budget, also)
    held = None
    if TRAINING in figures or PEAK in figures or budget.peak_memory.high is not None:
        held = held_tables(
            like, widths, costs, stem_follows=stem_follows, batch=budget.batch, optimizer=budget.optimizer
        )
    device = None
    if budget.on_device or not set(DEVICE).isdisjoint(figures):
        width = stem_width(like, widths, stem_follows=stem_follows)
        device = device_tables(like, outline(like, widths, stem_width=width), widths, budget)
    tables = [table for table in budget.tables if table.name in figures]
    rows = {table.name: table_rows(table, space, combination, stages, like) for table in tables}
    given = {**rows, **(device.rows if device is not None else {})}
    firsts, others, head = _rows(costs, held, given, figures, budget.peak_bits)
    low, high = _lows_and_highs(budget, figures, device)
    sums = high[: len(figures) - (figures[-1] == PEAK)]
    found = []
    for i in range(stages):
        follows = possible.first[i] & space.rises(channels[i - 1], channels[i]) if i else possible.first[0]
        allowed, deeper = _under_peak(budget, held, i, follows, possible.further[i])
        if device is not None:
            allowed, deeper = device.under(i, allowed, deeper)
        most = _most_blocks(sums, firsts[i], others[i], allowed, deeper)
        found.append(
            StageTable(
                channels=channels[i],
                blocks=by_stage[i][0].upto(min(int(most.max()), BLOCKS.high)),
                first=firsts[i],
                other=others[i],
                follows=follows,
                allowed=allowed,
                deeper=deeper,
                most=most,
            )
        )
    for table in tables:
        m = figures.index(table.name)
        furthers = [other[m] * one.most_further for other, one in zip(others, found, strict=True)]
        check_total(table, [first[m] for first in firsts], furthers, head[m])
    return SkeletonTables(
        combination=combination,
        like=like,
        figures=figures,
        decimals={table.name: table.decimals for table in tables},
        device=device,
        low=low,
        high=high,
        stages=tuple(found),
        head=head,
    )


def _under_peak(
    budget: Budget, held: HeldTables | None, stage: int, follows: Bools, further: Bools
) -> tuple[Bools, Bools]:
    """What the upper limit on peak memory leaves of a stage: `allowed` and `deeper` of its table."""
    most = budget.peak_memory.high
    if held is None or most is None:
        return follows, further
    allowed = follows & (in_bytes(held.peak[stage], budget.peak_bits) <= most)
    if stage == len(held.peak) - 1:
        allowed = allowed & (in_bytes(held.peak_head, budget.peak_bits) <= most)
    deeper: Bools = further & (in_bytes(held.peak_other[stage], budget.peak_bits) <= most)
    return allowed, deeper


def _most_blocks(high: Ints, first: Ints, other: Ints, allowed: Bools, deeper: Bools) -> Ints:
    """The most blocks that the upper limits on sums leave room for at each width of a stage, C."""
    sums = len(high)
    room = high[:, None] - np.where(allowed, first[:sums], CEILING).min(axis=1)
    most = np.maximum(times(room, other[:sums]).min(axis=0) + 1, 0)
    found: Ints = np.where(deeper, most, np.minimum(most, 1))
    return found


def _figures(budget: Budget, also: Iterable[str]) -> tuple[str, ...]:
    """The figures that need a row. An upper limit on the peak does not: it is applied to each block."""
    wanted = {name for name, _ in budget.limited() if name != PEAK} | set(also)
    if budget.peak_memory.low is not None:
        wanted.add(PEAK)
    return METRICS + tuple(name for name in (TRAINING, *budget.names, *DEVICE, PEAK) if name in wanted)


def _lows_and_highs(
    budget: Budget, figures: tuple[str, ...], device: DeviceTables | None
) -> tuple[Ints, Ints]:
    room = {} if device is None else device.room
    limits = [Limit(None, room[name]) if name in room else budget.limit(name) for name in figures]
    low = np.array([limit.low or 0 for limit in limits], dtype=np.int64)
    high = np.array([CEILING if limit.high is None else limit.high for limit in limits], dtype=np.int64)
    return low, high


def _rows(
    costs: CostTables,
    held: HeldTables | None,
    tables: Mapping[str, TableRows],
    figures: tuple[str, ...],
    bits: int,
) -> tuple[list[Ints], list[Ints], Ints]:
    """What first blocks, further blocks and the head cost, a row for each figure."""
    more: dict[str, tuple[Sequence[Ints], Sequence[Ints], Ints]] = {**tables}
    if held is not None:
        more[TRAINING] = held.training, held.training_other, held.training_head
        more[PEAK] = (
            [in_bytes(one, bits) for one in held.peak],
            [in_bytes(one, bits) for one in held.peak_other],
            in_bytes(held.peak_head, bits),
        )
    firsts, others, head = list(costs.first), list(costs.other), costs.head
    for name in figures[len(METRICS) :]:
        first, other, last = more[name]
        firsts = [np.concatenate([a, b[None]]) for a, b in zip(firsts, first, strict=True)]
        others = [np.concatenate([a, b[None]]) for a, b in zip(others, other, strict=True)]
        head = np.concatenate([head, last[None]])
    return firsts, others, head
