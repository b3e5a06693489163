"""The stages of a space as tables: their widths, their blocks, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from archkit.budget.limits import PEAK, TRAINING, Budget
from archkit.count.held import HeldTables, held_tables, in_bytes
from archkit.count.tables import METRICS, NO_LIMIT, Bools, CostTables, Ints, cost_tables, stem_width
from archkit.plan import Outline, outline
from archkit.spec import ArchSpec, SearchSpace
from archkit.spec.options import BLOCKS
from archkit.spec.space import Setting

__all__ = ["METRICS", "NO_LIMIT", "Bools", "Ints", "StageTable", "Tables", "build_tables"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTable:
    """One stage. Legend: M figures, P widths of the stage before, C widths of this one.

    Attributes:
        channels: base widths of this stage, ascending, C.
        blocks: numbers of blocks, ascending, up to the most that the limits leave room for.
        first: cost of the stage's first block, M x P x C; of the first stage, M x 1 x C with the stem.
        other: cost of each further block, M x C.
        follows: whether the space lets a width follow one of the stage before, P x C.
        allowed: whether the limit on peak memory lets it too, P x C.
        deeper: whether a stage of a width may have more than one block, C.
        most: the most blocks of each width that the limits leave room for, whatever the other
            stages are, C.
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
        """How many pairs of a width and a number of blocks there are at most."""
        return int(np.searchsorted(np.array(self.blocks), self.most, side="right").sum())

    def blocks_of(self, c: int) -> tuple[int, ...]:
        """The numbers of blocks that a stage of one width may have."""
        return self.blocks if self.deeper[c] else self.blocks[: self.blocks[:1] == (1,)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """All stages of the networks of one setting with one number of stages.

    Attributes:
        setting: the options.
        like: a network of this setting; only its widths and depths differ from the others'.
        figures: the figures in the order of every table's first axis, M: those of `Cost`, then
            training memory where it is wanted, then peak memory where that is. All are sums over
            blocks but the peak, which is their maximum.
        low: the lower limit of each figure, M; 0 where there is none.
        high: the upper limit of each figure, M; `NO_LIMIT` where there is none.
        stages: one table for each stage.
        head: cost of the head behind each width of the last stage, M x C.
    """

    setting: Setting
    like: ArchSpec
    figures: tuple[str, ...]
    low: Ints
    high: Ints
    stages: tuple[StageTable, ...]
    head: Ints

    @property
    def sums(self) -> int:
        """How many of the figures are sums: all but the peak."""
        return len(self.figures) - (self.figures[-1:] == (PEAK,))

    def outline(self) -> Outline:
        """The layers of these networks; channels are arrays of the stages' widths."""
        widths = [np.array(table.channels, dtype=np.int64) for table in self.stages]
        width = stem_width(self.like, widths, stem_follows=_stem_follows(self.setting))
        return outline(self.like, widths, stem_width=width)

    def binding(self) -> list[int]:
        """The figures that are limited, and the peak wherever it is among the figures."""
        rows = range(len(self.figures))
        return [m for m in rows if m >= self.sums or self.low[m] > 0 or self.high[m] < NO_LIMIT]

    def joined(self, a: Ints, b: Ints) -> Ints:
        """What two parts of a network cost together; figures on the first axis."""
        found: Ints = a + b
        if self.sums < len(self.figures):
            found[-1] = np.maximum(a[-1], b[-1])
        return found

    def further(self, other: Ints, more: Ints) -> Ints:
        """What `more` further blocks cost, M x N, of blocks that cost `other`, M x N or M x 1."""
        found: Ints = other * more
        if self.sums < len(self.figures):
            found[-1] = np.where(more > 0, other[-1], 0)
        return found


def build_tables(
    space: SearchSpace, setting: Setting, stages: int, budget: Budget, *, also: Iterable[str] = ()
) -> Tables:
    """The tables of one setting with so many stages.

    An upper limit on peak memory is a limit on each block by itself: it takes widths out, and depths.

    Args:
        space: the space.
        setting: one of its settings.
        stages: how many stages.
        budget: the limits. Where a stage's blocks have no upper end, at least one figure that is a sum
            must have an upper limit.
        also: figures that are wanted besides the limited ones.

    Raises:
        BudgetError: the largest network's figures would not fit 64 bits.
    """
    by_stage = space.by_stage(stages)
    channels = [one.values for _, one in by_stage]
    # Where a stage has no upper end the limits bound its figures, and its depth does not matter here.
    deepest = tuple(one.values[-1] if one.finite else 1 for one, _ in by_stage)
    like = space.spec(setting, deepest, tuple(c[-1] for c in channels))
    widths = [np.array(values, dtype=np.int64) for values in channels]
    stem_follows = _stem_follows(setting)
    costs = cost_tables(like, widths, stem_follows=stem_follows)
    figures = _figures(budget, also)
    held = None
    if len(figures) > len(METRICS) or budget.peak_memory.high is not None:
        held = held_tables(
            like, widths, costs, stem_follows=stem_follows, batch=budget.batch, optimizer=budget.optimizer
        )
    firsts, others, head = _rows(costs, held, figures, budget.peak_bits)
    low, high = _ends(budget, figures)
    sums = len(figures) - (figures[-1] == PEAK)
    found = []
    for i, here in enumerate(widths):
        allowed = follows = _follows(space, widths[i - 1], here) if i else np.ones((1, len(here)), dtype=bool)
        deeper = np.ones(len(here), dtype=bool)
        if held is not None and budget.peak_memory.high is not None:
            most = budget.peak_memory.high
            allowed = allowed & (in_bytes(held.peak[i], budget.peak_bits) <= most)
            deeper = in_bytes(held.peak_other[i], budget.peak_bits) <= most
            if i == stages - 1:
                allowed = allowed & (in_bytes(held.peak_head, budget.peak_bits) <= most)
        # Every block of every network costs something of each figure.
        room = high[:sums, None] - np.where(allowed, firsts[i][:sums], NO_LIMIT).min(axis=1)
        room = np.maximum((room // others[i][:sums]).min(axis=0) + 1, 0)
        most_blocks = np.where(deeper, room, np.minimum(room, 1))
        upto = min(int(most_blocks.max()), BLOCKS.high)
        found.append(
            StageTable(
                channels=channels[i],
                blocks=by_stage[i][0].upto(upto),
                first=firsts[i],
                other=others[i],
                follows=follows,
                allowed=allowed,
                deeper=deeper,
                most=most_blocks,
            )
        )
    return Tables(
        setting=setting, like=like, figures=figures, low=low, high=high, stages=tuple(found), head=head
    )


def _figures(budget: Budget, also: Iterable[str]) -> tuple[str, ...]:
    """The figures that the tables need. The filter for an upper limit on the peak needs no row."""
    wanted = {name for name, _ in budget.limited() if name != PEAK} | set(also)
    if budget.peak_memory.low is not None:
        wanted.add(PEAK)
    return METRICS + tuple(name for name in (TRAINING, PEAK) if name in wanted)


def _ends(budget: Budget, figures: tuple[str, ...]) -> tuple[Ints, Ints]:
    limits = [getattr(budget, name) for name in figures]
    low = np.array([limit.low or 0 for limit in limits], dtype=np.int64)
    high = np.array([NO_LIMIT if limit.high is None else limit.high for limit in limits], dtype=np.int64)
    return low, high


def _rows(
    costs: CostTables, held: HeldTables | None, figures: tuple[str, ...], bits: int
) -> tuple[list[Ints], list[Ints], Ints]:
    """First blocks, further blocks and heads with a row for each figure."""
    firsts, others, head = list(costs.first), list(costs.other), costs.head
    if held is None:
        return firsts, others, head
    for name, first, other, last in (
        (TRAINING, held.training, held.training_other, held.training_head),
        (
            PEAK,
            [in_bytes(one, bits) for one in held.peak],
            [in_bytes(one, bits) for one in held.peak_other],
            in_bytes(held.peak_head, bits),
        ),
    ):
        if name in figures:
            firsts = [np.concatenate([a, b[None]]) for a, b in zip(firsts, first, strict=True)]
            others = [np.concatenate([a, b[None]]) for a, b in zip(others, other, strict=True)]
            head = np.concatenate([head, last[None]])
    return firsts, others, head


def _stem_follows(setting: Setting) -> bool:
    """Whether the stem is as wide as the first stage: it is unless the space says otherwise."""
    return all(key != "stem" for key, _ in setting.options)


def _follows(space: SearchSpace, before: Ints, here: Ints) -> Bools:
    a, b = before[:, None], here[None, :]
    if space.order == "any":
        return np.ones((len(before), len(here)), dtype=bool)
    rises: Bools = b > a if space.order == "increasing" else b >= a
    return rises
