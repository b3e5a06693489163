"""DeepMAD's score and effectiveness limit for every width profile of some tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from archkit.budget.objective import Floats, entropy_tables
from archkit.budget.stage_tables import Ints, SkeletonTables

__all__ = ["Rho", "Score", "deepest", "deepmad_score"]

_SLACK: Final = 1e-9  # rounding raises a quotient of floats by less


@dataclass(frozen=True, kw_only=True, slots=True)
class Rho:
    """What DeepMAD's effectiveness limit needs of each width profile. Legend: N profiles, S stages.

    Attributes:
        base: sum of the logarithms of the convs that come with the fewest blocks, up to each stage, N x S.
        step: the same of one further block, N x S.
        base_convs: how many convs come with the fewest blocks, up to each stage, S.
        step_convs: how many come with one further block, S.
        log_limit: logarithm of the limit.
    """

    base: Floats
    step: Floats
    base_convs: Ints
    step_convs: Ints
    log_limit: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """An objective, linear in the further blocks of each width profile. Legend: N profiles, S stages.

    Attributes:
        base: the objective with the fewest blocks, N.
        gain: what one further block adds, N x S.
        rho: the effectiveness limit, or None.
        tangents: linear constraints that every network within that limit keeps: what a further block
            uses, N x S, and how much there is, N, of each.
    """

    base: Floats
    gain: Floats
    rho: Rho | None = None
    tangents: list[tuple[Floats, Floats]] = field(default_factory=list)


def deepmad_score(tables: SkeletonTables, widths: Ints, max_rho: float | None) -> Score:
    """DeepMAD's entropy of each width profile, and its effectiveness limit if there is one."""
    parts = entropy_tables(tables)
    stages = len(tables.stages)
    few = np.array(tables.fewest)
    before = np.column_stack([np.zeros(len(widths), dtype=np.int64), widths[:, :-1]])
    step = np.column_stack([parts.other[j][widths[:, j]] for j in range(stages)])
    first = np.column_stack([parts.first[j][before[:, j], widths[:, j]] for j in range(stages)])
    weight = np.column_stack([parts.weight[j][widths[:, j]] for j in range(stages)])
    here = first + step * few
    here[:, 0] += parts.stem
    upto = np.cumsum(here, axis=1)
    base = (weight * upto).sum(axis=1)
    gain = step * np.cumsum(weight[:, ::-1], axis=1)[:, ::-1]
    if max_rho is None:
        return Score(base=base, gain=gain)
    convs = np.array(parts.convs, dtype=np.int64)
    base_convs = convs * (few + 1)
    base_convs[0] += parts.stem_convs
    rho = Rho(
        base=2 * upto,
        step=2 * step,
        base_convs=np.cumsum(base_convs),
        step_convs=convs,
        log_limit=float(np.log(max_rho)),
    )
    widest = np.column_stack([parts.widest[j][before[:, j], widths[:, j]] for j in range(stages)])
    return Score(base=base, gain=gain, rho=rho, tangents=_tangents(rho, widest))


def _tangents(rho: Rho, widest: Floats) -> list[tuple[Floats, Floats]]:
    """The effectiveness limit as one linear constraint for each stage; `widest` is N x S.

    L log(L / rho) <= sum of log(width) is convex in L: its tangent at any L0 is a constraint that every
    allowed network keeps, sum over convs of (1 + log(L0 / (rho width))) <= L0. L0 is rho times the greatest
    width so far, so that every conv weighs at least 1.
    """
    found = []
    for j, log_width in enumerate(np.maximum.accumulate(widest, axis=1).T):
        each = rho.step_convs * (1 + log_width)[:, None] - rho.step
        each[:, j + 1 :] = 0
        used = rho.base_convs[j] * (1 + log_width) - rho.base[:, j]
        found.append((each, np.exp(log_width + rho.log_limit) - used))
    return found


def deepest(most: Ints, tangents: list[tuple[Floats, Floats]]) -> Ints:
    """The most further blocks that the tangents leave each stage, N x S; -1 where they leave no network."""
    found = most
    for each, room in tangents:
        alone = np.where(each > 0, room[:, None] / np.where(each > 0, each, 1), np.inf)
        # A little more than the quotient, so that rounding rules nothing out.
        found = np.where(alone < found, np.floor(alone * (1 + _SLACK) + _SLACK), found)
    return np.maximum(found, -1).astype(np.int64)
