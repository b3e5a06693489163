"""All plans of widths of some tables: what they cost, and what each further block adds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from archkit.budget.bounds import Bounds
from archkit.budget.limits import PEAK
from archkit.budget.objective import Floats, Objective, entropy_tables
from archkit.budget.tables import NO_LIMIT, Ints, Tables
from archkit.errors import BudgetError

__all__ = ["Plans", "Rho", "make_plans"]

_MOST_PLANS: Final = 8_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Rho:
    """What DeepMAD's effectiveness limit needs, by plan. Legend: N plans, S stages.

    base: sum of the logarithms of the convs that come with the fewest blocks, up to each stage, N x S.
    step: the same of one further block, N x S.
    base_convs, step_convs: how many convs those are, S.
    log_limit: logarithm of the limit.
    """

    base: Floats
    step: Floats
    base_convs: Ints
    step_convs: Ints
    log_limit: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Plans:
    """Plans of widths with their bounds. Legend: N plans, S stages, M figures.

    Attributes:
        tables: theirs, with the figures alone that are limited, M, and the peak where it is wanted.
        widths: indices into the stages' channels, N x S.
        costs: with the fewest blocks, M x N.
        steps: of one further block, M x N x S.
        base: objective with the fewest blocks, N.
        gain: of one further block, N x S.
        most: the most further blocks of each stage, N x S.
        bounds: on the best network of each.
        rho: the effectiveness limit, or None.
        too_large: plans that break a limit even with the fewest blocks, and are not among these.
    """

    tables: Tables
    widths: Ints
    costs: Ints
    steps: Ints
    base: Floats
    gain: Floats
    most: Ints
    bounds: Bounds
    rho: Rho | None
    too_large: int


def make_plans(tables: Tables, objective: Objective) -> Plans:
    """Lays out and bounds every plan of widths.

    Raises:
        BudgetError: there are too many to hold.
    """
    low, high, sums = tables.low, tables.high, range(tables.sums)
    widths, costs, too_large = _widths(tables)
    stages = len(tables.stages)
    steps = np.stack([t.other[:, widths[:, j]] for j, t in enumerate(tables.stages)], axis=2)
    room = (high[:, None] - costs)[: tables.sums]
    spread = np.array([t.blocks[-1] - t.blocks[0] if t.blocks else 0 for t in tables.stages], dtype=np.int64)
    most = np.minimum(spread, (room[:, :, None] // steps[: tables.sums]).min(axis=0))
    deeper = np.column_stack([t.deeper[widths[:, j]] for j, t in enumerate(tables.stages)])
    most = np.where(deeper, most, 0)
    constraints = [
        (steps[m].astype(np.float64), room[m].astype(np.float64)) for m in sums if high[m] != NO_LIMIT
    ]
    constraints += [
        (-steps[m].astype(np.float64), (costs[m] - low[m]).astype(np.float64)) for m in sums if low[m]
    ]
    rho = None
    if objective.name == "entropy":
        base, gain, rho, tangents = _entropy(tables, widths, objective)
        most = _deepest(most, tangents)
        constraints += tangents
    elif objective.name == PEAK:
        # No sum: the best that any depth can make of it stands for all, and the search looks.
        here = costs[-1]
        if objective.most:
            here = np.maximum(here, np.where(most > 0, steps[-1], 0).max(axis=1, initial=0))
        base = here.astype(np.float64) if objective.most else -here.astype(np.float64)
        gain = np.zeros((len(widths), stages))
    else:
        m, sign = tables.figures.index(objective.name), 1.0 if objective.most else -1.0
        base, gain = sign * costs[m], sign * steps[m]
    # The search adds up millions of costs: only those that can rule something out.
    rows = tables.binding()
    figures = tuple(tables.figures[m] for m in rows)
    return Plans(
        tables=replace(tables, figures=figures, low=low[rows], high=high[rows]),
        widths=widths,
        costs=costs[rows],
        steps=steps[rows],
        base=base,
        gain=gain,
        most=most,
        bounds=Bounds(base, gain, most, constraints, whole=objective.whole),
        rho=rho,
        too_large=too_large,
    )


def _widths(tables: Tables) -> tuple[Ints, Ints, int]:
    """Every plan that fits with the fewest blocks: N x S, its cost M x N, and how many do not fit."""
    sums, few = tables.sums, [t.blocks[0] - 1 if t.blocks else 0 for t in tables.stages]
    # A width that the limit on the peak keeps to one block is out where a stage has more.
    allowed = [t.allowed & (t.deeper | (n == 0)) for t, n in zip(tables.stages, few, strict=True)]
    needs = [tables.head[:sums]]
    for j in range(len(tables.stages) - 1, 0, -1):
        table = tables.stages[j]
        cost = table.first[:sums] + few[j] * table.other[:sums, None, :] + needs[0][:, None, :]
        needs.insert(0, np.where(allowed[j], cost, NO_LIMIT).min(axis=2))
    widths = np.zeros((1, 0), dtype=np.int64)
    costs = np.zeros((len(tables.figures), 1), dtype=np.int64)
    at = np.zeros(1, dtype=np.int64)
    total = [1]
    for table in tables.stages:
        total = _paths(total, table.follows)
    if not all(table.blocks for table in tables.stages):
        return np.zeros((0, len(tables.stages)), dtype=np.int64), costs[:, :0], sum(total)
    for j, table in enumerate(tables.stages):
        pairs = [np.flatnonzero(row) for row in allowed[j]]
        counts = np.array([len(row) for row in pairs])[at]
        if int(counts.sum()) > _MOST_PLANS:
            raise BudgetError(
                f"over {_MOST_PLANS:,} plans of widths are more than solve holds; widths in coarser steps "
                "or tighter limits make them fewer"
            )
        rows = np.repeat(np.arange(len(at)), counts)
        to = np.concatenate([pairs[i] for i in at.tolist()]) if len(at) else at
        costs = tables.joined(costs[:, rows], table.first[:, at[rows], to])
        costs = tables.joined(costs, tables.further(table.other[:, to], np.array(few[j])))
        fits = (costs[:sums] + needs[j][:, to] <= tables.high[:sums, None]).all(axis=0)
        widths = np.column_stack([widths[rows], to])[fits]
        costs, at = costs[:, fits], to[fits]
    return widths, tables.joined(costs, tables.head[:, at]), sum(total) - len(widths)


def _paths(before: list[int], allowed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[int]:
    """In how many ways each width can be reached, in Python's integers."""
    return [sum(n for n, yes in zip(before, column, strict=True) if yes) for column in allowed.T.tolist()]


def _entropy(
    tables: Tables, widths: Ints, objective: Objective
) -> tuple[Floats, Floats, Rho | None, list[tuple[Floats, Floats]]]:
    """Base and gain of DeepMAD's score, and its effectiveness limit, exact and as a linear constraint."""
    parts = entropy_tables(tables)
    stages = len(tables.stages)
    few = [t.blocks[0] - 1 if t.blocks else 0 for t in tables.stages]
    before = np.column_stack([np.zeros(len(widths), dtype=np.int64), widths[:, :-1]])
    step = np.column_stack([parts.other[j][widths[:, j]] for j in range(stages)])
    first = np.column_stack([parts.first[j][before[:, j], widths[:, j]] for j in range(stages)])
    weight = np.column_stack([parts.weight[j][widths[:, j]] for j in range(stages)])
    here = first + step * np.array(few)
    here[:, 0] += parts.stem
    upto = np.cumsum(here, axis=1)
    base = (weight * upto).sum(axis=1)
    gain = step * np.cumsum(weight[:, ::-1], axis=1)[:, ::-1]
    if objective.max_rho is None:
        return base, gain, None, []
    convs = np.array(parts.convs, dtype=np.int64)
    base_convs = convs * (np.array(few) + 1)
    base_convs[0] += parts.stem_convs
    log_limit = float(np.log(objective.max_rho))
    rho = Rho(
        base=2 * upto, step=2 * step, base_convs=np.cumsum(base_convs), step_convs=convs, log_limit=log_limit
    )
    # L log(L / rho) <= sum of log(width) is convex in L: its tangent at any L0 is a constraint that
    # every allowed network keeps, sum over convs of (1 + log(L0 / (rho width))) <= L0. L0 is rho
    # times the greatest width so far, so that every conv weighs 1 at least.
    widest = np.column_stack([parts.widest[j][before[:, j], widths[:, j]] for j in range(stages)])
    tangents = []
    for j, log_width in enumerate(np.maximum.accumulate(widest, axis=1).T):
        each = convs * (1 + log_width)[:, None] - rho.step
        each[:, j + 1 :] = 0
        used = rho.base_convs[j] * (1 + log_width) - rho.base[:, j]
        tangents.append((each, np.exp(log_width + log_limit) - used))
    return base, gain, rho, tangents


def _deepest(most: Ints, tangents: list[tuple[Floats, Floats]]) -> Ints:
    """The most further blocks once each stage is held to the effectiveness limit; -1 where none can be."""
    found = most
    for each, room in tangents:
        alone = np.where(each > 0, room[:, None] / np.where(each > 0, each, 1), np.inf)
        # A little more than the quotient, so that rounding rules nothing out.
        found = np.where(alone < found, np.floor(alone * (1 + 1e-9) + 1e-9), found)
    return np.maximum(found, -1).astype(np.int64)
