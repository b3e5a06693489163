"""Why nothing fits: by how much each limit would have to give way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.best import Best, solve
from archkit.budget.limits import PEAK, Budget, Limit, words
from archkit.budget.objective import Objective
from archkit.budget.tables import NO_LIMIT, build_tables
from archkit.errors import BudgetError
from archkit.spec import SearchSpace
from archkit.spec.options import BLOCKS, STAGES

__all__ = ["Relaxation", "least", "relaxations"]

_EFFORT: Final = 50_000_000  # in a space without end, for each place of its end


@dataclass(frozen=True, kw_only=True, slots=True)
class Relaxation:
    """One end of one limit, and how far it must give way to let something in, the others kept.

    Attributes:
        figure: what is limited.
        upper: whether it is the upper end.
        limit: where the end is.
        value: the nearest value that lets a network in; None where none does, or none was found.
        spec: such a network.
        alone: whether it is the only end that is limited.
        exact: whether no nearer value would do; else the search was cut off.
    """

    figure: str
    upper: bool
    limit: int
    value: int | None
    spec: str | None
    alone: bool
    exact: bool

    def __str__(self) -> str:
        """In words, such as `the smallest network of this space has 12,842 parameters`."""
        option = f"{'max' if self.upper else 'min'}-{self.figure}".replace("_", "-")
        doubt = "" if self.exact else " (not exact: the search was cut off)"
        if self.value is None:
            return f"no {option} lets anything in while the other limits stand{doubt}"
        if self.alone and self.exact:
            most = "smallest" if self.upper else "largest"
            return f"the {most} network of this space has {self.value:,} {words(self.figure)}: {self.spec}"
        return f"{option} {self.value:,} would let in {self.spec}, the other limits kept{doubt}"


def least(space: SearchSpace, name: str, budget: Budget | None = None) -> int:
    """The least of a figure that any network of the space has.

    `budget` is read for the batch, the optimizer and the bits of memory alone.

    >>> from archkit.spec import parse_space
    >>> least(parse_space("[1..]*3x[16..64:16] order=nondecreasing"), "params")
    15226

    Raises:
        BudgetError: the space is empty.
    """
    asked = (budget or Budget()).replace(**{figure: Limit() for figure, _ in (budget or Budget()).limited()})
    if space.size() is None:
        # Any limit that the fewest blocks keep will do; without one the blocks would have no end.
        asked = asked.replace(depth=Limit(None, 4 * BLOCKS.high * STAGES.high))
    found = []
    for setting, stages in space.families():
        tables = build_tables(space, setting, stages, asked, also=(name,))
        m = tables.figures.index(name)
        behind = tables.head
        if not all(table.blocks for table in tables.stages):
            continue  # no widths rise through so many stages
        for table in reversed(tables.stages):
            further = tables.further(table.other, np.array(table.blocks[0] - 1))
            cost = tables.joined(tables.joined(table.first, further[:, None, :]), behind[:, None, :])
            here = np.where(table.allowed, cost[m], NO_LIMIT).min(axis=1)
            behind = np.zeros((len(cost), len(here)), dtype=np.int64)
            behind[m] = here
        found.append(int(behind[m, 0]))
    smallest = min(found, default=NO_LIMIT)
    if smallest >= NO_LIMIT:
        raise BudgetError("the space is empty: no widths rise through its stages")
    return smallest


def relaxations(space: SearchSpace, budget: Budget) -> tuple[Relaxation, ...]:
    """Where nothing fits: for each limit, the nearest value that lets something in, the others kept.

    It is the least (or the most) of that figure among the networks that keep to the other limits, and
    so it is exact.

    Raises:
        BudgetError: there are more plans of widths than can be held.
    """
    ends = [
        (name, upper, end)
        for name, limit in budget.limited()
        for upper, end in ((True, limit.high), (False, limit.low))
        if end is not None
    ]
    found = []
    for name, upper, end in ends:
        kept = getattr(budget, name)
        without = budget.replace(**{name: Limit(kept.low, None) if upper else Limit(None, kept.high)})
        best = _reached(space, without, name, upper=upper, end=end)
        row = best.networks[0] if best.networks else None
        found.append(
            Relaxation(
                figure=name,
                upper=upper,
                limit=end,
                value=None if row is None else int(row.value),
                spec=None if row is None else row.network.spec,
                alone=len(ends) == 1,
                exact=best.exact,
            )
        )
    return tuple(found)


def _reached(space: SearchSpace, budget: Budget, name: str, *, upper: bool, end: int) -> Best:
    """The network nearest to one end of a limit that has been taken away."""
    objective = Objective(name=name, most=not upper)
    sums = [limit for figure, limit in budget.limited() if figure != PEAK]
    if space.size() is not None or any(limit.high is not None for limit in sums):
        return solve(space, budget, objective, 1)
    # That was the only end of the space: put back, further and further out.
    while True:
        end = max(2 * end, least(space, name, budget))
        within = budget.replace(**{name: Limit(getattr(budget, name).low, end)})
        best = solve(space, within, objective, 1, effort=_EFFORT)
        if best.networks or not best.exact or end > NO_LIMIT // 8:
            return best
