"""The best networks of a space within a budget, with the proof that none is better."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, check_finite
from archkit.budget.objective import Floats, Objective
from archkit.budget.plans import Plans, make_plans
from archkit.budget.tables import METRICS, NO_LIMIT, Ints, Tables, build_tables
from archkit.count import totals
from archkit.spec import SearchSpace

__all__ = ["Best", "Ranked", "solve"]

_ROWS: Final = 4_096  # partial networks that are carried on together, the most promising first
_SLACK: Final = 1e-9  # relative; rounding lowers a bound in floats by less
_FIGURE_SLACK: Final = 1e-2  # the same for whole figures, which stay far under 2**53 here


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A network and its objective."""

    network: Candidate
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Best:
    """The best networks, best first, and what proves that no other is better.

    Attributes:
        networks: the best.
        plans: plans of widths in the space.
        too_large: of these, how many break a limit even with the fewest blocks.
        bounded: how many were ruled out because their bound is no better than what was found.
        searched: how many were gone through.
        partial: partial networks looked at in those.
    """

    networks: tuple[Ranked, ...]
    plans: int
    too_large: int
    bounded: int
    searched: int
    partial: int

    def proof(self) -> str:
        """The proof, in a sentence."""
        return (
            f"Exact: of {self.plans:,} plans of widths, {self.too_large:,} break a limit even with the "
            f"fewest blocks, {self.bounded:,} are bounded by no better than the last one listed, and "
            f"{self.searched:,} were searched ({self.partial:,} partial networks)."
        )


def solve(space: SearchSpace, budget: Budget, objective: Objective, n: int = 10) -> Best:
    """The `n` best networks of `space` within `budget`, exactly; fewer where fewer fit.

    Of equally good ones, any may be among the last.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either, or there are more
            plans of widths than can be held.
    """
    check_finite(space, budget)
    search = _Search(budget, objective, n)
    families = []
    for setting in space.settings:
        for stages in range(space.stages[0], space.stages[1] + 1):
            limits = [getattr(budget, name).high for name in METRICS]
            high = np.array([NO_LIMIT if h is None else h for h in limits], dtype=np.int64)
            tables = build_tables(space, setting, stages, high=high)
            families.append((tables, make_plans(tables, budget, objective)))
    order = sorted(
        (
            (-float(plans.bound[i]), f, i)
            for f, (_, plans) in enumerate(families)
            for i in np.argsort(-plans.bound)[: search.worth(plans)].tolist()
        ),
    )
    searched = 0
    for bound, f, i in order:
        if search.beaten(-bound):
            break
        search.plan(*families[f], i)
        searched += 1
    too_large = sum(plans.too_large for _, plans in families)
    kept = sum(len(plans.widths) for _, plans in families)
    ranked = []
    for value, _, f_setting, blocks, channels in sorted(search.heap, reverse=True):
        spec = space.spec(f_setting.setting, blocks, channels)
        exact = value if objective.most else -value
        ranked.append(Ranked(network=Candidate(str(spec), *totals(spec)), value=exact))
    return Best(
        networks=tuple(ranked),
        plans=kept + too_large,
        too_large=too_large,
        bounded=kept - searched,
        searched=searched,
        partial=search.partial,
    )


class _Search:
    """Goes through the blocks of one plan of widths after another, and keeps the best networks."""

    def __init__(self, budget: Budget, objective: Objective, n: int) -> None:
        self.heap: list[tuple[float, int, Tables, tuple[int, ...], tuple[int, ...]]] = []
        self.partial = 0
        self._n = n
        self._serial = 0
        self._low = np.array([getattr(budget, name).low or 0 for name in METRICS], dtype=np.int64)
        highs = [getattr(budget, name).high for name in METRICS]
        self._high = np.array([NO_LIMIT if h is None else h for h in highs], dtype=np.int64)
        self._exact = objective.name != "entropy"

    def worth(self, plans: Plans) -> int:
        """How many of the plans can matter at all."""
        return int(np.isfinite(plans.bound).sum()) if self._n else 0

    def beaten(self, bound: float) -> bool:
        """Whether nothing under this bound can be among the best."""
        if len(self.heap) < self._n:
            return False
        worst = self.heap[0][0]
        if self._exact:
            # Figures are whole: a bound that does not reach the next whole number is beaten.
            return bound + _FIGURE_SLACK < worst + 1
        return bound + abs(bound) * _SLACK < worst

    def plan(self, tables: Tables, plans: Plans, i: int) -> None:
        """Goes through one plan."""
        stages = len(tables.stages)
        blocks = [np.array(t.blocks, dtype=np.int64) for t in tables.stages]
        multipliers = plans.multipliers[i]
        reduced = (
            plans.gain[i] - multipliers @ plans.coefficients[:, i] if len(multipliers) else plans.gain[i]
        )
        # What the stages behind each one can add at most beyond what the multipliers price.
        behind = np.append(np.cumsum((plans.most[i] * np.maximum(reduced, 0))[::-1])[::-1], 0.0)
        start = plans.base[i] + (multipliers @ plans.room[:, i] if len(multipliers) else 0.0)

        def descend(
            j: int,
            ms: Ints,
            costs: Ints,
            value: Floats,
            priced: Floats,
            logs: Floats,
            convs: Ints,
        ) -> None:
            if j == stages:
                self._take(tables, plans, i, ms, costs, value)
                return
            more = blocks[j] - blocks[j][0]
            more = more[more <= plans.most[i, j]]
            step = plans.steps[:, i, j]
            rows = np.repeat(np.arange(len(value)), len(more))
            m = np.tile(more, len(value))
            self.partial += len(m)
            cost = costs[:, rows] + step[:, None] * m
            price = priced[rows] + reduced[j] * m
            good = (cost <= self._high[:, None]).all(axis=0)
            if plans.rho is not None:
                log = logs[rows] + plans.rho.step[i, j] * m
                conv = convs[rows] + plans.rho.step_convs[j] * m
                length = conv + plans.rho.base_convs[j]
                total = log + plans.rho.base[i, j]
                good &= np.log(length) - total / length <= plans.rho.log_limit + 1e-12
            else:
                log, conv = logs[rows], convs[rows]
            at = np.flatnonzero(good)
            at = at[np.argsort(-price[at], kind="stable")]
            for low in range(0, len(at), _ROWS):
                part = at[low : low + _ROWS]
                if self.beaten(float(price[part[0]] + behind[j + 1])):
                    return
                descend(
                    j + 1,
                    np.column_stack([ms[rows[part]], m[part]]),
                    cost[:, part],
                    value[rows[part]] + plans.gain[i, j] * m[part],
                    price[part],
                    log[part],
                    conv[part],
                )

        descend(
            0,
            np.zeros((1, 0), dtype=np.int64),
            plans.costs[:, i][:, None],
            np.array([plans.base[i]], dtype=np.float64),
            np.array([start]),
            np.zeros(1),
            np.zeros(1, dtype=np.int64),
        )

    def _take(self, tables: Tables, plans: Plans, i: int, ms: Ints, costs: Ints, value: Floats) -> None:
        good = np.flatnonzero((costs >= self._low[:, None]).all(axis=0))
        channels = tuple(t.channels[c] for t, c in zip(tables.stages, plans.widths[i].tolist(), strict=True))
        for at in good[np.argsort(-value[good], kind="stable")][: self._n].tolist():
            entry = float(value[at])
            if len(self.heap) >= self._n and entry <= self.heap[0][0]:
                return
            blocks = tuple(t.blocks[0] + m for t, m in zip(tables.stages, ms[at].tolist(), strict=True))
            self._serial -= 1
            item = (entry, self._serial, tables, blocks, channels)
            if len(self.heap) < self._n:
                heapq.heappush(self.heap, item)
            else:
                heapq.heapreplace(self.heap, item)
