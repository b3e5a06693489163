"""The best networks of a space within a budget, with the proof that no other is better."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, check_finite
from archkit.budget.objective import Objective
from archkit.budget.profiles import WidthProfiles, width_profiles
from archkit.budget.search import Search
from archkit.budget.stage_tables import build_tables
from archkit.count import totals
from archkit.count.metrics import ENTROPY
from archkit.spec import SearchSpace

__all__ = ["Best", "Ranked", "Watch", "solve"]

EFFORT: Final = 200_000_000
"""How many partial networks `solve` looks at before it stops and says how far it came."""

_BLOCK: Final = 4_096  # profiles whose bounds are tightened together

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
        profiles: how many width profiles the space has.
        too_large: how many of them break a limit even with the fewest blocks.
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

    def proof(self) -> str:
        """The proof, in a sentence; or, if the search was cut off, the gap that is left."""
        if self.open_bound is not None:
            best = f"; the best listed has {self.networks[0].value:,.2f}" if self.networks else ""
            return (
                f"Not exact: stopped after {self.partial:,} partial networks. No network is better than "
                f"{self.open_bound:,.2f}{best}."
            )
        return (
            f"Exact: of {self.profiles:,} width profiles, {self.too_large:,} break a limit even with the "
            f"fewest blocks, {self.bounded:,} have a bound no better than the last network listed, and "
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
    """The `n` best networks of `space` within `budget`, exactly; fewer if fewer fit.

    Where several are equally good, any of them may be the last.

    Args:
        space: the space.
        budget: the limits.
        objective: what to rank by.
        n: how many networks to give.
        effort: partial networks to look at before giving up; the answer then says that it is not exact.
        watch: is told how many width profiles are done, and how many there are at most.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end, or there are more width profiles
            than can be held.
    """
    check_finite(space, budget)
    search = Search(objective, n, effort)
    also = () if objective.name == ENTROPY else (objective.name,)
    profiles = [
        width_profiles(build_tables(space, combination, stages, budget, also=also), objective)
        for combination, stages in space.skeletons()
    ]
    in_all = sum(map(len, profiles))
    searched, open_bound = 0, None
    for bound, skeleton, i in _best_first(profiles, n):
        if search.beaten(bound):
            break
        search.go_through(profiles[skeleton], i)
        searched += 1
        if search.exhausted:
            open_bound = bound if objective.most else -bound
            break
        if watch is not None:
            watch(searched, in_all)
    too_large = sum(each.too_large for each in profiles)
    return Best(
        networks=_ranked(space, search, objective),
        profiles=in_all + too_large,
        too_large=too_large,
        bounded=in_all - searched,
        searched=searched,
        partial=search.partial,
        open_bound=open_bound,
    )


def _ranked(space: SearchSpace, search: Search, objective: Objective) -> tuple[Ranked, ...]:
    """What the search has kept, best first."""
    found = []
    for value, _, tables, blocks, channels in sorted(search.heap, reverse=True):
        spec = space.spec(tables.combination, blocks, channels)
        network = Candidate(str(spec), *totals(spec))
        found.append(Ranked(network=network, value=value if objective.most else -value))
    return tuple(found)


def _best_first(profiles: list[WidthProfiles], n: int) -> Iterator[tuple[float, int, int]]:
    """(bound, skeleton, profile) from the best bound down; none for no networks.

    The better bounds take time: they are worked out for the profiles that come near, a block at a time.
    """
    if not n:
        return
    loose = np.concatenate([each.bounds.upper for each in profiles])
    skeleton = np.repeat(np.arange(len(profiles)), [len(each) for each in profiles])
    place = np.concatenate([np.arange(len(each)) for each in profiles])
    order = np.argsort(-loose, kind="stable")[: int(np.isfinite(loose).sum())]
    ready: list[tuple[float, int, int]] = []
    done = 0
    while ready or done < len(order):
        while done < len(order) and (not ready or loose[order[done]] > -ready[0][0]):
            block = order[done : done + _BLOCK]
            for k in np.unique(skeleton[block]).tolist():
                rows = place[block[skeleton[block] == k]]
                bounds = profiles[k].bounds
                bounds.tighten(rows)
                for i, bound in zip(rows.tolist(), bounds.upper[rows].tolist(), strict=True):
                    heapq.heappush(ready, (-bound, k, i))
            done += len(block)
        bound, k, i = heapq.heappop(ready)
        yield -bound, k, i
