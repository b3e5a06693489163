"""DeepMAD's score and effectiveness limit for width profiles."""

from __future__ import annotations

from typing import Final

import numpy as np

from archkit.budget.objective import EntropyTables, Floats
from archkit.budget.score import Rho, Score
from archkit.budget.stage_tables import Bools, Ints

__all__ = ["LENGTHS", "deepest", "deepmad_score"]

LENGTHS: Final = (12.0, 24.0, 36.0, 54.0, 80.0, 120.0, 180.0)
"""Numbers of convs at which the limit on effectiveness has a tangent for all profiles alike."""

_SLACK: Final = 1e-9  # rounding raises a quotient of floats by less


def deepmad_score(parts: EntropyTables, few: Ints, widths: Ints, max_rho: float | None) -> Score:
    """DeepMAD's entropy of each width profile, N x S, and its effectiveness limit if there is one.

    `few` are the further blocks that each stage has at least, S.
    """
    stages = widths.shape[1]
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
    base_convs = np.array(parts.first_convs, dtype=np.int64) + convs * few
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
    """The effectiveness limit as linear constraints: those of `LENGTHS`, then one for each stage.

    L log(L / rho) <= sum of log(width) is convex in L: its tangent at any L0 is a constraint that every
    allowed network keeps, sum over convs of (1 + log(L0 / (rho width))) <= L0. For each stage, L0 is rho
    times the greatest width so far, `widest`, N x S, so that every conv weighs at least 1.
    """
    found, last = [], rho.base.shape[1] - 1
    for length in LENGTHS:
        each = 1 + np.log(length) - rho.log_limit
        used = rho.base_convs[last] * each - rho.base[:, last]
        found.append((rho.step_convs * each - rho.step, length - used))
    for j, log_width in enumerate(np.maximum.accumulate(widest, axis=1).T):
        weights = rho.step_convs * (1 + log_width)[:, None] - rho.step
        weights[:, j + 1 :] = 0
        used = rho.base_convs[j] * (1 + log_width) - rho.base[:, j]
        found.append((weights, np.exp(log_width + rho.log_limit) - used))
    return found


def deepest(most: Ints, tangents: list[tuple[Floats, Floats]]) -> Ints:
    """The most further blocks that the tangents leave each stage, N x S; -1 where they leave no network.

    Only where no block weighs less than nothing: otherwise blocks of one stage would make room for another's.
    """
    found = most
    for each, room in tangents:
        charged: Bools = np.all(each >= 0, axis=1)[:, None] & (each > 0)
        alone = np.where(charged, room[:, None] / np.where(charged, each, 1), np.inf)
        # A little more than the quotient, so that rounding rules nothing out.
        found = np.where(alone < found, np.floor(alone * (1 + _SLACK) + _SLACK), found)
    return np.maximum(found, -1).astype(np.int64)
