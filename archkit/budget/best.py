"""The best networks of a space within a budget, with the proof that none is better."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, check_finite
from archkit.budget.objective import Objective
from archkit.budget.plans import Plans, make_plans
from archkit.budget.search import Search
from archkit.budget.tables import build_tables
from archkit.count import totals
from archkit.spec import SearchSpace

__all__ = ["Best", "Ranked", "Watch", "solve"]

EFFORT: Final = 200_000_000
"""Partial networks that are looked at, after which `solve` stops and says how far it came."""

_BLOCK: Final = 4_096  # plans whose bounds are tightened together

Watch: TypeAlias = Callable[[int, int], None]
"""Is told how much of the work is done, and how much there is at most."""


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
        open_bound: None where the answer is exact. Else the search was cut off: no network is better
            than this, but some may be better than those listed.
    """

    networks: tuple[Ranked, ...]
    plans: int
    too_large: int
    bounded: int
    searched: int
    partial: int
    open_bound: float | None = None

    @property
    def exact(self) -> bool:
        """Whether these are proved to be the best."""
        return self.open_bound is None

    def proof(self) -> str:
        """The proof, in a sentence; or, where the search was cut off, the gap that is left."""
        if self.open_bound is not None:
            best = f"; the best listed has {self.networks[0].value:,.2f}" if self.networks else ""
            return (
                f"Not exact: stopped after {self.partial:,} partial networks. No network has better than "
                f"{self.open_bound:,.2f}{best}."
            )
        return (
            f"Exact: of {self.plans:,} plans of widths, {self.too_large:,} break a limit even with the "
            f"fewest blocks, {self.bounded:,} are bounded by no better than the last one listed, and "
            f"{self.searched:,} were searched ({self.partial:,} partial networks)."
        )


def solve(
    space: SearchSpace,
    budget: Budget,
    objective: Objective,
    n: int = 10,
    *,
    effort: int = EFFORT,
    watch: Watch | None = None,
) -> Best:
    """The `n` best networks of `space` within `budget`, exactly; fewer where fewer fit.

    Of equally good ones, any may be among the last.

    Args:
        space: the space.
        budget: the limits.
        objective: what is best.
        n: how many.
        effort: partial networks to look at before giving up; the answer then says that it is not exact.
        watch: is told how many plans of widths are done, and how many there are at most.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either, or there are more
            plans of widths than can be held.
    """
    check_finite(space, budget)
    search = Search(objective, n, effort)
    families = []
    for setting, stages in space.families():
        tables = build_tables(space, setting, stages, budget, also=_rows(objective))
        families.append(make_plans(tables, objective))
    searched, open_bound = 0, None
    plans_in_all = sum(len(plans.widths) for plans in families)
    for bound, f, i in _best_first(families, n):
        if search.beaten(bound):
            break
        search.plan(families[f], i)
        searched += 1
        if search.exhausted:
            open_bound = bound
            break
        if watch is not None:
            watch(searched, plans_in_all)
    too_large = sum(plans.too_large for plans in families)
    ranked = []
    for value, _, tables, blocks, channels in sorted(search.heap, reverse=True):
        spec = space.spec(tables.setting, blocks, channels)
        ranked.append(
            Ranked(network=Candidate(str(spec), *totals(spec)), value=value if objective.most else -value)
        )
    return Best(
        networks=tuple(ranked),
        plans=plans_in_all + too_large,
        too_large=too_large,
        bounded=plans_in_all - searched,
        searched=searched,
        partial=search.partial,
        open_bound=open_bound if open_bound is None or objective.most else -open_bound,
    )


def _best_first(families: list[Plans], n: int) -> Iterator[tuple[float, int, int]]:
    """(bound, family, plan) from the best bound down.

    The better bounds take time: they are worked out for the plans that come near, a block at a time.
    """
    if not n:
        return
    loose = np.concatenate([plans.bounds.upper for plans in families])
    family = np.repeat(np.arange(len(families)), [len(plans.widths) for plans in families])
    plan = np.concatenate([np.arange(len(plans.widths)) for plans in families])
    order = np.argsort(-loose, kind="stable")[: int(np.isfinite(loose).sum())]
    ready: list[tuple[float, int, int]] = []
    done = 0
    while ready or done < len(order):
        while done < len(order) and (not ready or loose[order[done]] > -ready[0][0]):
            block = order[done : done + _BLOCK]
            for f in np.unique(family[block]).tolist():
                rows = plan[block[family[block] == f]]
                families[f].bounds.tighten(rows)
                for i, bound in zip(rows.tolist(), families[f].bounds.upper[rows].tolist(), strict=True):
                    heapq.heappush(ready, (-bound, f, i))
            done += len(block)
        bound, f, i = heapq.heappop(ready)
        yield -bound, f, i


def _rows(objective: Objective) -> tuple[str, ...]:
    return () if objective.name == "entropy" else (objective.name,)
