"""A skeleton with an objective: what the solver needs of its tables, and no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TypeAlias

import numpy as np

from archkit.budget.objective import EntropyTables, Objective, entropy_tables, figures_read
from archkit.budget.stage_tables import CEILING, Bools, Ints, SkeletonTables, StageTable
from archkit.count.metrics import ENTROPY

__all__ = ["Accepts", "Scored", "Stage"]

Accepts: TypeAlias = Callable[[SkeletonTables, tuple[int, ...], tuple[int, ...]], bool]
"""Whether a network, its blocks and channels, keeps to limits that tables do not settle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage. Legend: M figures, P widths of the stage before, C widths of this one.

    Attributes:
        base: cost of the first block and of the further blocks that every network has, M x P x C.
        step: cost of one more, M x C.
        allowed: whether a width may follow one of the stage before, P x C.
        most: the most further blocks that a width may have besides those, C.
        more: the numbers of further blocks that there may be besides those, ascending.
    """

    base: Ints
    step: Ints
    allowed: Bools
    most: Ints
    more: Ints


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A skeleton's tables, with those figures alone that are limited or that the objective reads.

    Attributes:
        number: the skeleton's place among those of the space.
        tables: the tables.
        objective: the objective.
    """

    number: int
    tables: SkeletonTables
    objective: Objective

    @classmethod
    def of(cls, number: int, tables: SkeletonTables, objective: Objective) -> Scored:
        """The tables of a skeleton, less the figures that nothing asks for."""
        read = figures_read(objective)
        rows = [m for m in range(len(tables.figures)) if m in tables.binding() or tables.figures[m] in read]
        return cls(number=number, tables=_with_rows(tables, rows), objective=objective)

    def thinned(self, keep: int) -> Scored:
        """The same with every so manyth width of each stage, the first among them."""
        stages, before = [], slice(None)
        for table in self.tables.stages:
            here = slice(None, None, keep if len(table.channels) > keep else 1)
            stages.append(_with_widths(table, before, here))
            before = here
        tables = replace(self.tables, stages=tuple(stages), head=self.tables.head[:, before])
        return Scored(number=self.number, tables=tables, objective=self.objective)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, as the search reads them."""
        found = []
        for table, few in zip(self.tables.stages, self.tables.fewest, strict=True):
            blocks = [table.blocks_of(c) for c in range(len(table.channels))]
            most = np.array([each[-1] - table.blocks[0] if each else -1 for each in blocks], dtype=np.int64)
            further = self.tables.further(table.other, np.array(few))
            found.append(
                Stage(
                    base=self.tables.joined(table.first, further[:, None, :]),
                    step=table.other,
                    allowed=table.allowed & (most >= 0),
                    most=most,
                    more=np.array(table.blocks, dtype=np.int64) - (table.blocks[0] if table.blocks else 0),
                )
            )
        return tuple(found)

    @cached_property
    def entropy(self) -> EntropyTables | None:
        """The parts of DeepMAD's score, if that is the objective."""
        return entropy_tables(self.tables) if self.objective.name == ENTROPY else None

    @cached_property
    def least_after(self) -> tuple[Ints, ...]:
        """For each stage, the least that the stages after it and the head cost at each width; sums, M x C."""
        sums = self.tables.sums
        found = [self.tables.head[:sums]]
        for stage in reversed(self.stages[1:]):
            cost = np.where(stage.allowed, stage.base[:sums] + found[0][:, None, :], CEILING)
            # What leads nowhere stays at the ceiling, so that no sum passes 64 bits.
            found.insert(0, np.minimum(cost.min(axis=2, initial=CEILING), CEILING))
        return tuple(found)

    def ways(self, last: Bools) -> list[Ints]:
        """For each stage, how many width profiles go on from each of its widths to the `last` ones, C."""
        return _ways([stage.allowed for stage in self.stages], last)

    @cached_property
    def profiles(self) -> int:
        """How many width profiles there are, whatever they cost."""
        return _in_all([stage.allowed for stage in self.stages])

    @cached_property
    def forbidden(self) -> int:
        """How many more the space has, which the limit on peak memory forbids."""
        return _in_all([table.follows for table in self.tables.stages]) - self.profiles


def _ways(allowed: list[Bools], last: Bools) -> list[Ints]:
    """In how many ways each width of each stage goes on; in Python's integers where 64 bits may not do."""
    size = prod(row.shape[1] for row in allowed)
    found = [last.astype(np.int64 if size < CEILING else object)]
    for row in reversed(allowed[1:]):
        found.insert(0, row.astype(found[0].dtype) @ found[0])
    return found


def _in_all(allowed: list[Bools]) -> int:
    first = _ways(allowed, np.ones(allowed[-1].shape[1], dtype=bool))[0]
    return int(first[allowed[0][0]].sum())


def _with_rows(tables: SkeletonTables, rows: list[int]) -> SkeletonTables:
    stages = tuple(
        replace(table, first=table.first[rows], other=table.other[rows]) for table in tables.stages
    )
    return replace(
        tables,
        figures=tuple(tables.figures[m] for m in rows),
        low=tables.low[rows],
        high=tables.high[rows],
        stages=stages,
        head=tables.head[rows],
    )


def _with_widths(table: StageTable, before: slice, here: slice) -> StageTable:
    return replace(
        table,
        channels=table.channels[here],
        first=table.first[:, before, here],
        other=table.other[:, here],
        follows=table.follows[before, here],
        allowed=table.allowed[before, here],
        deeper=table.deeper[here],
        most=table.most[here],
    )
