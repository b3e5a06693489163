"""The best networks that are like published ones: beyond them an objective guesses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from archkit.budget.best import Best, Ranked, Watch, solve
from archkit.budget.limits import Budget
from archkit.budget.objective import Objective
from archkit.budget.published import outside
from archkit.spec import SearchSpace, parse

__all__ = ["MOST_LOOKED_AT", "Guarded", "solve_guarded"]

MOST_LOOKED_AT: Final = 1_000
"""How many of the best networks are looked at for some that are like published ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarded:
    """The best networks that are like published ones; if none is, the best of all.

    Attributes:
        best: those, best first; its other figures are those of the search.
        inside: how many of them are like published ones: all or none.
        looked_at: how many of the best networks were looked at, those that were left out among them.
        every: whether these were all that fit.
        asked: how many were asked for.
    """

    best: Best
    inside: int
    looked_at: int
    every: bool
    asked: int

    def said(self) -> str | None:
        """What was left out, in a sentence; None if nothing was."""
        left_out = self.looked_at - self.inside
        if not left_out:
            return None
        of = f"the {self.looked_at:,} that fit" if self.every else f"the best {self.looked_at:,}"
        if not self.inside:
            return f"None of {of} is like a published network: these are guesses."
        if self.inside < self.asked:
            return (
                f"Of {of}, left out because they are unlike every published network: {left_out:,} "
                "(--extrapolate lists them)."
            )
        return (
            f"Better, but left out because unlike every published network: {left_out:,} "
            "(--extrapolate lists them)."
        )


def solve_guarded(
    space: SearchSpace, budget: Budget, objective: Objective, n: int = 10, *, watch: Watch | None = None
) -> Guarded:
    """The `n` best networks of `space` within `budget` that lie inside the range of published ones.

    The solver is asked for more and more of the best, up to `MOST_LOOKED_AT`, until `n` are inside: they are
    exactly the best of those that are, or fewer than `n`.

    Raises:
        BudgetError: as `solve`.
    """
    wanted = n
    while True:
        found = solve(space, budget, objective, wanted, watch=watch)
        every = len(found.networks) < wanted
        inside: list[Ranked] = []
        looked_at = 0
        for row in found.networks:
            if len(inside) == n:
                break
            looked_at += 1
            if not outside(parse(row.network.spec)):
                inside.append(row)
        if len(inside) == n or every or not found.exact or wanted >= MOST_LOOKED_AT:
            return Guarded(
                best=replace(found, networks=tuple(inside) or found.networks[:n]),
                inside=len(inside),
                looked_at=looked_at,
                every=every and looked_at == len(found.networks),
                asked=n,
            )
        wanted = min(4 * wanted, max(MOST_LOOKED_AT, n))
