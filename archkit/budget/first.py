"""The first networks of a space in an order, and how many there are in all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archkit.budget.best import solve
from archkit.budget.estimate import CountEstimate, count_or_estimate
from archkit.budget.largest import largest
from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate
from archkit.budget.objective import Objective
from archkit.budget.within import few_enough
from archkit.html_tables import html_table
from archkit.spec import SearchSpace

__all__ = ["First", "first"]

_WALKED: Final = 2_000_000  # the most networks among which the first are found by looking at each


@dataclass(frozen=True, kw_only=True, slots=True)
class First:
    """The first networks in an order.

    Attributes:
        networks: the networks.
        within: how many fit in all.
        doubt: None if these are proved to be the first; otherwise a sentence that says what is not proved.
    """

    networks: tuple[Candidate, ...]
    within: int | CountEstimate
    doubt: str | None = None

    def _repr_html_(self) -> str:
        """The networks and how many fit, in a notebook."""
        fit = self.within
        said = f"{fit:,} fit" if isinstance(fit, int) else f"{fit.low:,} to {fit.high:,} fit"
        return html_table(
            ("spec", "params", "MACs", "activations", "depth"),
            self.networks,
            notes=[f"{said}.", *([self.doubt] if self.doubt else [])],
        )


def first(space: SearchSpace, budget: Budget, order: Objective, n: int) -> First:
    """The first `n` networks within `budget` in the order of a figure, and how many fit in all.

    If they are too many to look at each, the solver proves that no other comes before the first.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    size = space.size()
    many = not few_enough(space, budget) if budget.on_device else size is None or size > _WALKED
    if many:
        within = count_or_estimate(space, budget)
        if not isinstance(within, int) or within > _WALKED:
            best = solve(space, budget, order, n)
            return First(
                networks=tuple(row.network for row in best.networks),
                within=within,
                doubt=None if best.exact else best.proof(),
            )
    networks, seen = largest(space, budget, n, by=order.name, least=not order.most)
    return First(networks=networks, within=seen)
