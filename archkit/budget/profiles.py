"""Width profiles: choices of one width for each stage, what they cost, and what further blocks add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archkit.budget.deepmad import deepest, deepmad_score
from archkit.budget.objective import EXPONENTS, Floats
from archkit.budget.rooms import times
from archkit.budget.score import Curve, Score
from archkit.budget.scored import Scored
from archkit.budget.stage_tables import CEILING, Ints
from archkit.count.metrics import CAPACITY, PEAK

__all__ = ["WidthProfiles", "lay_out"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WidthProfiles:
    """Some width profiles of a skeleton. Legend: N profiles, S stages, M figures.

    Attributes:
        skeleton: the skeleton, with those figures, M, that are limited or that the objective reads.
        widths: indices into the stages' channels, N x S.
        costs: with the fewest blocks, M x N.
        steps: of one further block, M x N x S.
        most: the most further blocks of each stage, N x S; -1 where there is no network.
        score: the objective.
    """

    skeleton: Scored
    widths: Ints
    costs: Ints
    steps: Ints
    most: Ints
    score: Score

    def __len__(self) -> int:
        """How many width profiles."""
        return len(self.widths)

    def limits(self) -> list[tuple[Floats, Floats]]:
        """The limits on sums, the upper ones first: what a further block uses, N x S, and the room, N."""
        tables = self.skeleton.tables
        low, high, sums = tables.low, tables.high, range(tables.sums)
        upper = [(self.steps[m] * 1.0, (high[m] - self.costs[m]) * 1.0) for m in sums if high[m] < CEILING]
        lower = [(self.steps[m] * -1.0, (self.costs[m] - low[m]) * 1.0) for m in sums if low[m]]
        return upper + lower


def lay_out(skeleton: Scored, widths: Ints) -> WidthProfiles:
    """What width profiles cost; `widths` are indices into the stages' channels, N x S."""
    tables, stages = skeleton.tables, skeleton.stages
    costs, at = np.zeros((len(tables.figures), len(widths)), dtype=np.int64), np.zeros(len(widths), np.int64)
    for j, stage in enumerate(stages):
        costs = tables.joined(costs, stage.base[:, at, widths[:, j]])
        at = widths[:, j]
    costs = tables.joined(costs, tables.head[:, at])
    steps = np.stack([stage.step[:, widths[:, j]] for j, stage in enumerate(stages)], axis=2)
    most = np.stack([stage.most[widths[:, j]] for j, stage in enumerate(stages)], axis=1)
    room = (tables.high[:, None] - costs)[: tables.sums, :, None]
    most = np.minimum(most, times(room, steps[: tables.sums]).min(axis=0, initial=CEILING))
    score = _score(skeleton, widths, costs, steps, most)
    most = deepest(most, score.tangents)
    return WidthProfiles(skeleton=skeleton, widths=widths, costs=costs, steps=steps, most=most, score=score)


def _score(skeleton: Scored, widths: Ints, costs: Ints, steps: Ints, most: Ints) -> Score:
    """The objective of every width profile; the more the better."""
    objective, figures = skeleton.objective, skeleton.tables.figures
    if skeleton.entropy is not None:
        few = np.array(skeleton.tables.fewest)
        return deepmad_score(skeleton.entropy, few, widths, objective.max_rho)
    if objective.name == CAPACITY:
        rows = [figures.index(name) for name in EXPONENTS]
        weights = np.array([*EXPONENTS.values()])
        read, each = costs[rows].astype(np.float64), steps[rows].astype(np.float64)
        curve = Curve(figures=read, steps=each, weights=weights, rows=tuple(rows))
        return Score(base=np.zeros(len(widths)), gain=np.zeros(widths.shape), curve=curve)
    sign = 1.0 if objective.most else -1.0
    if objective.name == PEAK:
        # Not a sum: the best of any depth stands for all depths, and the search looks at each.
        best = costs[-1]
        if objective.most:
            best = np.maximum(best, np.where(most > 0, steps[-1], 0).max(axis=1, initial=0))
        return Score(base=sign * best, gain=np.zeros(widths.shape))
    m = figures.index(objective.name)
    return Score(base=sign * costs[m], gain=sign * steps[m])
