"""The best networks of a space within a budget, with the proof that no other is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.levels import Levels, Watch
from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, check_finite
from archkit.budget.objective import Objective, figures_read
from archkit.budget.scored import Accepts, Scored
from archkit.budget.search import Search
from archkit.budget.stage_tables import SkeletonTables, build_tables
from archkit.count import totals
from archkit.count.metrics import CAPACITY
from archkit.html_tables import html_table
from archkit.spec import SearchSpace

__all__ = ["Best", "Ranked", "Watch", "solve"]

EFFORT: Final = 200_000_000
"""How many partial networks `solve` looks at before it stops and says how far it came."""


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
        profiles: how many width profiles the space has.
        too_large: how many of them break a limit even with the fewest blocks, of those that were looked at.
        bounded: how many were ruled out because their bound is no better than what was found.
        searched: how many were searched.
        partial: how many partial networks were looked at in those.
        open_bound: None if the answer is exact. Otherwise the search was cut off: no network is better
            than this, but some may be better than those listed.
    """

    networks: tuple[Ranked, ...]
    profiles: int
    too_large: int
    bounded: int
    searched: int
    partial: int
    open_bound: float | None = None

    @property
    def exact(self) -> bool:
        """Whether these are proved to be the best."""
        return self.open_bound is None

    def _repr_html_(self) -> str:
        """The networks and the proof, in a notebook."""
        return html_table(
            ("spec", "params", "MACs", "activations", "depth", "objective"),
            [(*one.network, one.value) for one in self.networks],
            notes=[self.proof()],
        )

    def proof(self) -> str:
        """The proof, in a sentence; or, if the search was cut off, the gap that is left."""
        if self.open_bound is not None:
            best = f"; the best listed has {_written(self.networks[0].value)}" if self.networks else ""
            return (
                f"Not exact: stopped after {self.partial:,} partial networks in {self.searched:,} width "
                f"profiles, with others left. No network is better than "
                f"{_written(self.open_bound)}{best}."
            )
        return (
            f"Exact: of {self.profiles:,} width profiles, {self.too_large:,} break a limit even with the "
            f"fewest blocks, {self.bounded:,} have a bound no better than the last network listed, and "
            f"{self.searched:,} were searched ({self.partial:,} partial networks)."
        )


def solve(
    space: SearchSpace,
    budget: Budget,
    objective: Objective | None = None,
    n: int = 10,
    *,
    effort: int = EFFORT,
    watch: Watch | None = None,
) -> Best:
    """The `n` best networks of `space` within `budget`, exactly; fewer if fewer fit.

    Where several are equally good, any of them may be the last.

    Args:
        space: the space.
        budget: the limits.
        objective: what to rank by; capacity if none is given.
        n: how many networks to give.
        effort: partial networks to look at before giving up; the answer then says that it is not exact.
        watch: is told how many width profiles are done, and how many there are.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    check_finite(space, budget)
    objective = objective or Objective.read(CAPACITY)
    skeletons = [
        Scored.of(
            i, build_tables(space, combination, stages, budget, also=figures_read(objective)), objective
        )
        for i, (combination, stages) in enumerate(space.skeletons())
    ]
    solver = Levels(Search(objective, n, accepts=_accepts(space, budget)), effort, watch)
    if n:
        solver.solve(skeletons)
    forbidden = sum(each.forbidden for each in skeletons)
    profiles = sum(each.profiles for each in skeletons)
    table = budget.table(objective.name)
    scale = 10**table.decimals if table is not None else 1
    return Best(
        networks=_ranked(space, solver.search, objective, scale),
        profiles=profiles + forbidden,
        too_large=solver.too_large + forbidden,
        bounded=profiles - solver.too_large - solver.searched,
        searched=solver.searched,
        partial=solver.search.partial,
        open_bound=_as_value(solver.open_bound, objective, scale),
    )


def _accepts(space: SearchSpace, budget: Budget) -> Accepts | None:
    """Whether a network keeps to limits on arena and flash, which tables do not settle; None without any."""
    if not budget.on_device:
        return None

    def accepts(tables: SkeletonTables, blocks: tuple[int, ...], channels: tuple[int, ...]) -> bool:
        device = tables.device
        if device is not None and not device.may_fit(np.array([blocks]), np.array([channels]))[0]:
            return False
        return budget.fits_device(space.spec(tables.combination, blocks, channels))

    return accepts


def _ranked(space: SearchSpace, search: Search, objective: Objective, scale: int) -> tuple[Ranked, ...]:
    """What the search has kept, best first."""
    found = []
    for value, _, skeleton, blocks, channels in sorted(search.heap, reverse=True):
        spec = space.spec(skeleton.tables.combination, blocks, channels)
        network = Candidate(str(spec), *totals(spec))
        found.append(Ranked(network=network, value=(value if objective.most else -value) / scale))
    return tuple(found)


def _written(value: float) -> str:
    return f"{value:,.4f}" if abs(value) < 1_000 else f"{value:,.2f}"


def _as_value(bound: float | None, objective: Objective, scale: int) -> float | None:
    return bound if bound is None else (bound if objective.most else -bound) / scale
