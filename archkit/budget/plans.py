"""All plans of widths of some tables, each with a bound on the best network that has them.

With the widths fixed, costs and objective are linear in the blocks. A limit becomes
`sum over stages of o_j m_j <= R` over the further blocks m_j, and for any multipliers of 0 or more

    objective <= base + sum of lambda R + sum over j of u_j max(0, v_j - sum of lambda o_j)

where m_j <= u_j (the dual of the linear relaxation). Good multipliers come from its corners; every
one of them gives a bound that holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.objective import Floats, Objective, entropy_tables
from archkit.budget.tables import METRICS, NO_LIMIT, Ints, Tables, stem_out
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
    """Plans of widths with their bounds. Legend: N plans, S stages, M metrics, K constraints.

    Attributes:
        widths: indices into the stages' channels, N x S.
        costs: with the fewest blocks, M x N.
        steps: of one further block, M x N x S.
        base: objective with the fewest blocks, N.
        gain: of one further block, N x S.
        most: the most further blocks of each stage, N x S.
        bound: no network of the plan is better, N.
        multipliers, coefficients, room: of the constraints that gave the bound: N x K, K x N x S, K x N.
        rho: the effectiveness limit, or None.
        too_large: plans that break a limit even with the fewest blocks, and are not among these.
    """

    widths: Ints
    costs: Ints
    steps: Ints
    base: Floats
    gain: Floats
    most: Ints
    bound: Floats
    multipliers: Floats
    coefficients: Floats
    room: Floats
    rho: Rho | None
    too_large: int


def make_plans(tables: Tables, budget: Budget, objective: Objective) -> Plans:
    """Lays out and bounds every plan of widths.

    Raises:
        BudgetError: there are too many to hold.
    """
    limits = [getattr(budget, name) for name in METRICS]
    high = np.array([NO_LIMIT if limit.high is None else limit.high for limit in limits], dtype=np.int64)
    low = np.array([limit.low or 0 for limit in limits], dtype=np.int64)
    widths, costs, too_large = _widths(tables, high)
    stages = len(tables.stages)
    steps = np.stack([t.other[:, widths[:, j]] for j, t in enumerate(tables.stages)], axis=2)
    room = high[:, None] - costs
    spread = np.array([t.blocks[-1] - t.blocks[0] if t.blocks else 0 for t in tables.stages], dtype=np.int64)
    most = np.minimum(spread, (room[:, :, None] // steps).min(axis=0))
    constraints = [
        (steps[m].astype(np.float64), room[m].astype(np.float64))
        for m in range(len(METRICS))
        if limits[m].high is not None
    ]
    constraints += [
        (-steps[m].astype(np.float64), (costs[m] - low[m]).astype(np.float64))
        for m in range(len(METRICS))
        if limits[m].low is not None
    ]
    rho = None
    if objective.name == "entropy":
        base, gain, rho, tangents = _entropy(tables, widths, objective)
        most = _deepest(most, tangents)
        constraints += tangents
    else:
        m, sign = METRICS.index(objective.name), 1.0 if objective.most else -1.0
        base, gain = sign * costs[m], sign * steps[m]
    bound, multipliers = _bounds(base, gain, most.astype(np.float64), constraints)
    n, k = len(widths), len(constraints)
    return Plans(
        widths=widths,
        costs=costs,
        steps=steps,
        base=base,
        gain=gain,
        most=most,
        bound=bound,
        multipliers=multipliers,
        coefficients=np.stack([o for o, _ in constraints]) if k else np.zeros((0, n, stages)),
        room=np.stack([r for _, r in constraints]) if k else np.zeros((0, n)),
        rho=rho,
        too_large=too_large,
    )


def _widths(tables: Tables, high: Ints) -> tuple[Ints, Ints, int]:
    """Every plan that fits with the fewest blocks: N x S, its cost M x N, and how many do not fit."""
    needs = [tables.head]
    for table in reversed(tables.stages[1:]):
        few = table.blocks[0] - 1 if table.blocks else 0
        cost = table.first + few * table.other[:, None, :] + needs[0][:, None, :]
        needs.insert(0, np.where(table.allowed, cost, NO_LIMIT).min(axis=2))
    widths = np.zeros((1, 0), dtype=np.int64)
    costs = np.zeros((len(METRICS), 1), dtype=np.int64)
    at = np.zeros(1, dtype=np.int64)
    total = [1]
    for table in tables.stages:
        total = _paths(total, table.allowed)
    if not all(table.blocks for table in tables.stages):
        return np.zeros((0, len(tables.stages)), dtype=np.int64), costs[:, :0], sum(total)
    for j, table in enumerate(tables.stages):
        pairs = [np.flatnonzero(row) for row in table.allowed]
        counts = np.array([len(row) for row in pairs])[at]
        if int(counts.sum()) > _MOST_PLANS:
            raise BudgetError(
                f"over {_MOST_PLANS:,} plans of widths are more than solve holds; widths in coarser steps "
                "or tighter limits make them fewer"
            )
        rows = np.repeat(np.arange(len(at)), counts)
        to = np.concatenate([pairs[i] for i in at.tolist()]) if len(at) else at
        costs = costs[:, rows] + table.first[:, at[rows], to] + (table.blocks[0] - 1) * table.other[:, to]
        fits = (costs + needs[j][:, to] <= high[:, None]).all(axis=0)
        widths = np.column_stack([widths[rows], to])[fits]
        costs, at = costs[:, fits], to[fits]
    return widths, costs + tables.head[:, at], sum(total) - len(widths)


def _paths(before: list[int], allowed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[int]:
    """In how many ways each width can be reached, in Python's integers."""
    return [sum(n for n, yes in zip(before, column, strict=True) if yes) for column in allowed.T.tolist()]


def _entropy(
    tables: Tables, widths: Ints, objective: Objective
) -> tuple[Floats, Floats, Rho | None, list[tuple[Floats, Floats]]]:
    """Base and gain of DeepMAD's score, and its effectiveness limit, exact and as a linear constraint."""
    parts = entropy_tables(tables, stem_out(tables))
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


def _bounds(
    base: Floats, gain: Floats, most: Floats, constraints: list[tuple[Floats, Floats]]
) -> tuple[Floats, Floats]:
    """The least dual value over the corners that were tried, N, and its multipliers, N x K."""
    n, stages = gain.shape
    impossible = (most < 0).any(axis=1)
    bound = base + (most * np.maximum(gain, 0)).sum(axis=1)
    best = np.zeros((n, len(constraints)))

    def attempt(found: dict[int, Floats]) -> None:
        left, value = gain.copy(), base.copy()
        for k, multiplier in found.items():
            o, r = constraints[k]
            left -= multiplier[:, None] * o
            value += multiplier * r
        value += (most * np.maximum(left, 0)).sum(axis=1)
        better = value < bound
        bound[better] = value[better]
        best[better] = 0
        for k, multiplier in found.items():
            best[better, k] = multiplier[better]

    with np.errstate(divide="ignore", invalid="ignore"):
        for k, (o, _) in enumerate(constraints):
            for j in range(stages):
                attempt({k: _multiplier(gain[:, j] / o[:, j])})
        # In pairs with the first limit: it is the one that binds beside the effectiveness.
        for k, m in ((0, m) for m in range(1, len(constraints))):
            a, b = constraints[k][0], constraints[m][0]
            for i, j in combinations(range(stages), 2):
                det = a[:, i] * b[:, j] - a[:, j] * b[:, i]
                x = (gain[:, i] * b[:, j] - gain[:, j] * b[:, i]) / det
                y = (a[:, i] * gain[:, j] - a[:, j] * gain[:, i]) / det
                attempt({k: _multiplier(x), m: _multiplier(y)})
    bound[impossible] = -np.inf
    return bound, best


def _multiplier(x: Floats) -> Floats:
    """0 where it is negative or no number: 0 always gives a bound that holds."""
    return np.where(np.isfinite(x) & (x > 0), x, 0.0)
