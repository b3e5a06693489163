"""Why nothing fits: how far each limit would have to be relaxed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from archkit.budget.best import solve
from archkit.budget.front import front
from archkit.budget.limits import Budget, End, Limit
from archkit.budget.listing import candidates
from archkit.budget.objective import Objective
from archkit.budget.stage_tables import CEILING, SkeletonTables, build_tables
from archkit.budget.within import count_at_most, count_within, few_enough
from archkit.count.metrics import DEVICE, ENTROPY, FLASH, PEAK
from archkit.errors import BudgetError
from archkit.html_tables import html_table
from archkit.spec import SearchSpace, parse

__all__ = ["Relaxation", "least", "relaxations", "why_nothing_fits"]

_EFFORT: Final = 10_000_000  # partial networks that the search looks at before it leaves the rest to fronts
_LOOKED_AT: Final = 10_000  # networks whose arena and flash are worked out, in some tens of seconds
_SOME: Final = 200  # networks of which the one with the least arena or flash is named
_POINTS: Final = 100_000_000  # that the fronts compare: about a minute
_EMPTY: Final = "the space is empty: no widths rise through its stages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relaxation:
    """How far one end of one limit must be relaxed to let a network in, while the other limits stand.

    Attributes:
        figure: what is limited.
        upper: whether it is the upper end.
        limit: where the end is; a decimal where a table gives the figure, as in `value`.
        value: the nearest value that lets a network in; None if none does, or none was found.
        spec: such a network.
        alone: whether it is the only end that is limited.
        exact: whether no nearer value would do; if not, the search was cut off.
        counted: what the figure counts, in words.
    """

    figure: str
    upper: bool
    limit: int | Decimal
    value: int | Decimal | None
    spec: str | None
    alone: bool
    exact: bool
    counted: str

    def _repr_html_(self) -> str:
        """The limit, the nearest value that lets a network in, and what that means, in a notebook."""
        option = End(self.figure, self.upper, 0).option
        return html_table(
            ("limit", "is", "would have to be", "spec"),
            [
                (
                    option,
                    _whole(self.limit),
                    _whole(self.value),
                    self.spec,
                )
            ],
            notes=[str(self)],
        )

    def __str__(self) -> str:
        """In words, such as `the smallest network of this space has 12,842 parameters`."""
        option = End(self.figure, self.upper, 0).option
        doubt = "" if self.exact else " (not exact: the search was cut off)"
        if self.value is None:
            return f"no {option} lets anything in while the other limits stand{doubt}"
        if self.alone and self.exact:
            most = "smallest" if self.upper else "largest"
            return f"the {most} network of this space has {self.value:,} {self.counted}: {self.spec}"
        return f"{option} {self.value:,} would let in {self.spec} while the other limits stand{doubt}"


def _whole(value: int | Decimal | None) -> int | float | None:
    """A limit as a table shows it."""
    return float(value) if isinstance(value, Decimal) else value


def why_nothing_fits(
    space: SearchSpace, budget: Budget, objective: Objective | None = None
) -> tuple[str, ...]:
    """Why no network was found: a sentence for each limit, without a full stop.

    With an objective, the effectiveness limit that belongs to it may be the reason.
    """
    if space.is_empty():
        return (_EMPTY,)
    if (
        objective is not None
        and objective.name == ENTROPY
        and few_enough(space, budget)
        and count_within(space, budget)
    ):
        return (f"no network within the limits keeps to max-rho {objective.max_rho}",)
    return tuple(map(str, relaxations(space, budget)))


def least(space: SearchSpace, name: str, budget: Budget | None = None) -> int:
    """The least of a figure that any network of the space has.

    Of `budget`, only the batch, the optimizer, the bits of memory and the tables are read. A figure that a
    table gives is in units of the table's last decimal.

    >>> from archkit.spec import parse_space
    >>> least(parse_space("[1..]*3x[16..64:16] order=nondecreasing"), "params")
    15226

    Raises:
        BudgetError: the space is empty.
    """
    given = budget or Budget()
    asked = given.replace(**{figure: Limit() for figure, _ in given.limited()})
    tables = (
        build_tables(space, combination, stages, asked, also=(name,))
        for combination, stages in space.skeletons()
    )
    smallest = min((_least(each, name) for each in tables), default=CEILING)
    if smallest >= CEILING:
        raise BudgetError(_EMPTY)
    return smallest


def _least(tables: SkeletonTables, name: str) -> int:
    """The least of a figure that any network of a skeleton has; `CEILING` if there is none."""
    if not all(table.blocks for table in tables.stages):
        return CEILING  # no widths rise through so many stages
    m = tables.figures.index(name)
    after = tables.head
    for table, few in zip(reversed(tables.stages), reversed(tables.fewest), strict=True):
        further = tables.further(table.other, np.array(few))
        cost = tables.joined(tables.joined(table.first, further[:, None, :]), after[:, None, :])
        here = np.where(table.allowed, cost[m], CEILING).min(axis=1)
        after = np.zeros((len(cost), len(here)), dtype=np.int64)
        after[m] = here
    return int(after[m, 0])


def relaxations(space: SearchSpace, budget: Budget) -> tuple[Relaxation, ...]:
    """If nothing fits: for each limit, the nearest value that lets a network in while the others stand.

    It is the least (or the most) of that figure among the networks that keep to the other limits, and
    therefore exact; where that would take more than about a minute, it says so. In an empty space there are
    none.
    """
    if space.is_empty():
        return ()
    ends = budget.ends()
    found = []
    for end in ends:
        kept = budget.limit(end.figure)
        relaxed = Limit(kept.low, None) if end.upper else Limit(None, kept.high)
        best = _nearest(space, budget.replace(**{end.figure: relaxed}), end)
        found.append(
            Relaxation(
                figure=end.figure,
                upper=end.upper,
                limit=budget.amount(end.figure, end.value),
                value=None if best.value is None else budget.amount(end.figure, best.value),
                spec=best.spec,
                alone=len(ends) == 1,
                exact=best.exact,
                counted=budget.words(end.figure),
            )
        )
    return tuple(found)


class _Nearest(NamedTuple):
    """The network that has the least or the most of a figure, and whether that is proved."""

    value: int | None
    spec: str | None
    exact: bool


def _nearest(space: SearchSpace, budget: Budget, end: End) -> _Nearest:
    """The network nearest to an end that has been taken out of the budget."""
    sums = [limit for figure, limit in budget.limited() if figure != PEAK]
    if space.size() is not None or any(limit.high is not None for limit in sums):
        return _extreme(space, budget, end)
    # It was the only end of the space: put it back, further and further out.
    high = end.value
    while True:
        high = max(2 * high, least(space, end.figure, budget))
        within = budget.replace(**{end.figure: Limit(budget.limit(end.figure).low, high)})
        best = _extreme(space, within, end)
        if best.value is not None or not best.exact or high > CEILING // 8:
            return best


def _extreme(space: SearchSpace, budget: Budget, end: End) -> _Nearest:
    """The network with the least of a figure, or with the most if its lower end was taken out.

    The search with bounds is quick where the other limits leave room. Where they hardly do its bounds say
    little, and the fronts of the stages find the network, or that there is none.
    """
    if end.figure in DEVICE:
        return _on_device(space, budget, end)
    best = solve(space, budget, Objective(name=end.figure, most=not end.upper), 1, effort=_EFFORT)
    found = _Nearest(None, None, best.exact)
    if best.networks:
        first, table = best.networks[0], budget.table(end.figure)
        value = round(first.value * 10 ** (table.decimals if table else 0))
        found = _Nearest(value, first.network.spec, best.exact)
    if found.exact or budget.on_device:  # which no front keeps to
        return found
    if found.value is not None:
        # What is no better than this need not be kept.
        low, high = budget.limit(end.figure)
        budget = budget.replace(
            **{end.figure: Limit(low, found.value) if end.upper else Limit(found.value, high)}
        )
    try:
        return _by_fronts(space, budget, end)
    except BudgetError:
        return found


def _on_device(space: SearchSpace, budget: Budget, end: End) -> _Nearest:
    """The same of the arena and of the flash, which are no sums: by looking at every network, or at some.

    Where there are too many for that, those with the least flash by the tables are looked at, or with the
    least peak.
    """
    few = few_enough(space, budget) and count_at_most(space, budget) <= _LOOKED_AT
    if few:
        specs = [row.spec for row in candidates(space, budget)]
    else:
        by = FLASH if end.figure == FLASH and end.upper else PEAK
        found = solve(space, budget, Objective(name=by, most=not end.upper), _SOME, effort=_EFFORT)
        specs = [row.network.spec for row in found.networks]
    each = [(budget.further_figures(parse(spec), also=DEVICE)[end.figure], spec) for spec in specs]
    if not each:
        return _Nearest(None, None, few)
    return _Nearest(*(min(each) if end.upper else max(each)), few)


def _by_fronts(space: SearchSpace, budget: Budget, end: End) -> _Nearest:
    """The same, from the front of each skeleton in this one figure.

    Raises:
        BudgetError: the fronts of the stages are too long.
    """
    best, left = _Nearest(None, None, exact=True), _POINTS
    for combination, stages in space.skeletons():
        tables = build_tables(space, combination, stages, budget, also=(end.figure,))
        here = front(tables, ((end.figure, not end.upper),), effort=left)
        left -= here.compared
        for point, widths in zip(here.points[0].tolist(), here.networks, strict=True):
            value = point if end.upper else -point
            if best.value is None or (value < best.value if end.upper else value > best.value):
                best = _Nearest(value, str(space.spec(combination, *widths)), exact=True)
    return best
