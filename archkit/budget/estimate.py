"""An interval for the number of networks that keep to several limits, if counting them takes too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import check_finite
from archkit.budget.within import count_at_most, count_within, sample_at_most, why_too_many
from archkit.count.metrics import PEAK
from archkit.errors import BudgetError
from archkit.html_tables import html_table
from archkit.spec import SearchSpace
from archkit.statistics import wilson

__all__ = ["CountEstimate", "count_or_estimate", "estimate_within"]

_Z: Final = 3.29  # of 99.9% of a normal distribution


@dataclass(frozen=True, kw_only=True, slots=True)
class CountEstimate:
    """An interval for a count, and what it rests on.

    Attributes:
        low: lower end of the interval.
        high: upper end; the interval misses the count for one seed in a thousand.
        most: how many networks keep to the tightest limit, or may keep to all of them, so that the count is
            certainly not higher.
        draws: how many networks were drawn fairly from those.
        hits: how many of the drawn networks keep to every limit.
    """

    low: int
    high: int
    most: int
    draws: int
    hits: int

    def _repr_html_(self) -> str:
        """The interval and what it rests on, in a notebook."""
        return html_table(
            ("at least", "at most", "certainly at most"),
            [(self.low, self.high, self.most)],
            notes=[f"{self.hits:,} of {self.draws:,} networks that were drawn fairly keep to every limit."],
        )


def count_or_estimate(space: SearchSpace, budget: Budget) -> int | CountEstimate:
    """How many networks keep to the budget: exactly if that takes minutes at most, else estimated.

    Raises:
        BudgetError: as `count_within` and `estimate_within`.
    """
    refused = why_too_many(space, budget)
    if refused is None:
        return count_within(space, budget)
    if not budget.on_device and sum(name != PEAK for name, _ in budget.limited()) < 2:
        raise refused  # the estimate begins with a count within the tightest limit, which is this one
    return estimate_within(space, budget)


def estimate_within(
    space: SearchSpace, budget: Budget, *, draws: int = 4_000, seed: int = 0
) -> CountEstimate:
    """How many networks keep to several limits, from a sample of those that keep to the tightest one.

    Wilson's interval (1927) at 99.9% for the share of the draws that keep to the other limits too.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end, or nothing keeps to the tightest
            limit.
    """
    check_finite(space, budget)
    most, tightest = min(_alone(space, budget), key=lambda pair: pair[0])
    hits = sum(map(budget.fits, sample_at_most(space, tightest, draws, seed=seed)))
    least, greatest = wilson(hits, draws, z=_Z)
    # Floats are far finer than the interval is wide.
    return CountEstimate(
        low=max(hits > 0, int(most * max(0.0, least))),
        high=min(most, int(most * min(1.0, greatest)) + 1),
        most=most,
        draws=draws,
        hits=hits,
    )


def _alone(space: SearchSpace, budget: Budget) -> list[tuple[int, Budget]]:
    """How many networks keep to each upper limit by itself, for the limits that tables can count.

    Where arena or flash are limited, those that may keep to all limits are counted first: a limit on the
    device alone says little.
    """
    joint = budget.replace(peak_memory=budget.peak_memory._replace(low=None))
    bare = joint.replace(**{name: Limit() for name, _ in joint.limited() if name != PEAK})
    found, refused = [], None
    if budget.on_device:
        try:
            return [(count_at_most(space, joint), joint)]
        except BudgetError as error:
            refused = error
    for name, limit in budget.limited():
        if name == PEAK or limit.high is None:
            continue
        one = bare.replace(**{name: limit})
        try:
            found.append((count_at_most(space, one), one))
        except BudgetError as error:
            refused = error  # its table would not fit into memory; that of another limit may
    if not found and space.size() is not None:
        found.append((count_at_most(space, bare), bare))
    if not found and refused is not None:
        raise refused
    return found
