"""Width profiles: every choice of one width for each stage, what it costs, and what further blocks add."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from archkit.budget.bounds import Bounds
from archkit.budget.deepmad import Rho, Score, deepest, deepmad_score
from archkit.budget.objective import Floats, Objective
from archkit.budget.stage_tables import CEILING, Bools, Ints, SkeletonTables
from archkit.count.metrics import ENTROPY, PEAK
from archkit.errors import BudgetError

__all__ = ["WidthProfiles", "width_profiles"]

_MOST_PROFILES: Final = 8_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class WidthProfiles:
    """The width profiles of a skeleton, with their bounds. Legend: N profiles, S stages, M figures.

    Attributes:
        tables: the skeleton's, with only those figures, M, that are limited, and the peak if it is wanted.
        widths: indices into the stages' channels, N x S.
        costs: with the fewest blocks, M x N.
        steps: of one further block, M x N x S.
        base: the objective with the fewest blocks, N.
        gain: what one further block adds to it, N x S.
        most: the most further blocks of each stage, N x S.
        bounds: bounds on the best network of each.
        rho: the effectiveness limit, or None.
        too_large: how many profiles break a limit even with the fewest blocks; they are not among these.
    """

    tables: SkeletonTables
    widths: Ints
    costs: Ints
    steps: Ints
    base: Floats
    gain: Floats
    most: Ints
    bounds: Bounds
    rho: Rho | None
    too_large: int

    def __len__(self) -> int:
        """How many width profiles."""
        return len(self.widths)


def width_profiles(tables: SkeletonTables, objective: Objective) -> WidthProfiles:
    """Lay out and bound every width profile.

    Raises:
        BudgetError: there are too many to hold.
    """
    low, high = tables.low, tables.high
    widths, costs, too_large = _widths(tables)
    steps = np.stack([t.other[:, widths[:, j]] for j, t in enumerate(tables.stages)], axis=2)
    room = (high[:, None] - costs)[: tables.sums]
    most = _most_further(tables, widths, steps, room)
    score = _score(tables, widths, costs, steps, most, objective)
    most = deepest(most, score.tangents)
    constraints = [*_constraints(tables, costs, steps, room), *score.tangents]
    # The search adds up millions of costs: only those that can rule something out.
    rows = tables.binding()
    figures = tuple(tables.figures[m] for m in rows)
    return WidthProfiles(
        tables=replace(tables, figures=figures, low=low[rows], high=high[rows]),
        widths=widths,
        costs=costs[rows],
        steps=steps[rows],
        base=score.base,
        gain=score.gain,
        most=most,
        bounds=Bounds(score.base, score.gain, most, constraints, whole=objective.whole),
        rho=score.rho,
        too_large=too_large,
    )


def _most_further(tables: SkeletonTables, widths: Ints, steps: Ints, room: Ints) -> Ints:
    """The most further blocks that the limits leave each stage by itself, N x S."""
    spread = np.array([t.blocks[-1] - t.blocks[0] if t.blocks else 0 for t in tables.stages], dtype=np.int64)
    most = np.minimum(spread, (room[:, :, None] // steps[: tables.sums]).min(axis=0))
    deeper = np.column_stack([t.deeper[widths[:, j]] for j, t in enumerate(tables.stages)])
    return np.where(deeper, most, 0)


def _constraints(tables: SkeletonTables, costs: Ints, steps: Ints, room: Ints) -> list[tuple[Floats, Floats]]:
    """The limits on sums: what a further block uses, N x S, and how much there is, N, of each."""
    low, high, sums = tables.low, tables.high, range(tables.sums)
    upper = [(steps[m].astype(np.float64), room[m].astype(np.float64)) for m in sums if high[m] != CEILING]
    lower = [(-steps[m].astype(np.float64), (costs[m] - low[m]).astype(np.float64)) for m in sums if low[m]]
    return upper + lower


def _score(
    tables: SkeletonTables, widths: Ints, costs: Ints, steps: Ints, most: Ints, objective: Objective
) -> Score:
    """The objective of every width profile; the more the better."""
    if objective.name == ENTROPY:
        return deepmad_score(tables, widths, objective.max_rho)
    sign = 1.0 if objective.most else -1.0
    if objective.name == PEAK:
        # Not a sum: the best of any depth stands for all depths, and the search looks at each.
        best = costs[-1]
        if objective.most:
            best = np.maximum(best, np.where(most > 0, steps[-1], 0).max(axis=1, initial=0))
        return Score(base=sign * best, gain=np.zeros(widths.shape))
    m = tables.figures.index(objective.name)
    return Score(base=sign * costs[m], gain=sign * steps[m])


def _widths(tables: SkeletonTables) -> tuple[Ints, Ints, int]:
    """The profiles that fit with the fewest blocks, N x S, their costs, M x N, and how many do not fit."""
    stages, sums, few = tables.stages, tables.sums, tables.fewest
    in_all = _count_profiles(tables)
    widths = np.zeros((1, 0), dtype=np.int64)
    costs = np.zeros((len(tables.figures), 1), dtype=np.int64)
    if not all(table.blocks for table in stages):
        return np.zeros((0, len(stages)), dtype=np.int64), costs[:, :0], in_all
    # A width that the limit on the peak keeps to one block is out if the stage has more.
    allowed = [t.allowed & (t.deeper | (n == 0)) for t, n in zip(stages, few, strict=True)]
    needs = _needs(tables, allowed)
    at = np.zeros(1, dtype=np.int64)
    for j, table in enumerate(stages):
        rows, to = _extended(at, allowed[j])
        costs = tables.joined(costs[:, rows], table.first[:, at[rows], to])
        costs = tables.joined(costs, tables.further(table.other[:, to], np.array(few[j])))
        fits = (costs[:sums] + needs[j][:, to] <= tables.high[:sums, None]).all(axis=0)
        widths = np.column_stack([widths[rows], to])[fits]
        costs, at = costs[:, fits], to[fits]
    return widths, tables.joined(costs, tables.head[:, at]), in_all - len(widths)


def _needs(tables: SkeletonTables, allowed: list[Bools]) -> list[Ints]:
    """For each stage, the least that the stages after it and the head cost at each width, M x C."""
    sums, found = tables.sums, [tables.head[: tables.sums]]
    for j in range(len(tables.stages) - 1, 0, -1):
        table = tables.stages[j]
        cost = table.first[:sums] + tables.fewest[j] * table.other[:sums, None, :] + found[0][:, None, :]
        found.insert(0, np.where(allowed[j], cost, CEILING).min(axis=2))
    return found


def _extended(at: Ints, allowed: Bools) -> tuple[Ints, Ints]:
    """Profiles so far (their rows), which end at the widths `at`, with each width that may follow."""
    pairs = [np.flatnonzero(row) for row in allowed]
    counts = np.array([len(row) for row in pairs])[at]
    if int(counts.sum()) > _MOST_PROFILES:
        raise BudgetError(
            f"solve holds at most {_MOST_PROFILES:,} width profiles, and this space has more; coarser steps "
            "of width or tighter limits would make them fewer"
        )
    rows = np.repeat(np.arange(len(at)), counts)
    return rows, np.concatenate([pairs[i] for i in at.tolist()]) if len(at) else at


def _count_profiles(tables: SkeletonTables) -> int:
    """How many width profiles the skeleton has, whatever they cost, in Python's integers."""
    total = [1]  # in how many ways each width can be reached
    for table in tables.stages:
        columns = table.follows.T.tolist()
        total = [sum(n for n, yes in zip(total, column, strict=True) if yes) for column in columns]
    return sum(total)
