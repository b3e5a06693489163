"""The limits that can be dragged: where each may stop, and how many networks fit there, exactly.

A page cannot count a space. So each line has stops, every combination of stops is counted beforehand, and a
line only ever stands at a stop: the number beside it is exact wherever that is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import floor, log10
from typing import Final

import numpy as np

from archkit.budget import Budget, Limit, Objective, count_within, solve
from archkit.budget.listing import chunks
from archkit.count.metrics import FIGURES
from archkit.errors import BudgetError
from archkit.spec import SearchSpace

__all__ = ["Line", "count_at_stops", "lines_of"]

_USUAL: Final = ("params", "macs")  # figures that have a line in any case
_MOST_LINES: Final = 3
_LISTED: Final = 2_000_000  # networks that are looked at one by one in seconds
_STOPS: Final = {1: 60, 2: 40, 3: 16}  # of each line, by how many lines there are
_FEWEST: Final = 4
_EFFORT: Final = 20_000_000  # partial networks to look at for the least or the most of a figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A limit that can be dragged.

    Attributes:
        figure: what it limits from above.
        stops: where it may stand, ascending; the last is where it stands at first.
        given: whether the budget has this limit. If not, the last stop is the most that any network has.
    """

    figure: str
    stops: tuple[int, ...]
    given: bool


def lines_of(space: SearchSpace, budget: Budget, *, seconds: float) -> tuple[Line, ...]:
    """The lines of a space under a budget: its upper limits, and those on parameters and MACs in any case.

    There are three at most. They have as many stops as can all be counted in about so many seconds.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    figures = {*FIGURES, *budget.names}  # what a device takes is no sum over blocks, and has no line
    given = [name for name, limit in budget.limited() if limit.high is not None and name in figures]
    names = [*given, *(name for name in _USUAL if name not in given)][:_MOST_LINES]
    ends = {name: found for name in names if (found := _ends(space, budget, name)) is not None}
    if not ends:
        return ()
    size = space.size()
    stops = _STOPS[len(ends)]
    if not budget.on_device and (size is None or size > _LISTED):
        each = _seconds_of_a_count(space, budget, ends)
        stops = int(min(stops, max(_FEWEST, (seconds / max(each, 1e-4)) ** (1 / len(ends)))))
    return tuple(
        Line(figure=name, stops=_spread(low, high, stops), given=name in given)
        for name, (low, high) in ends.items()
    )


def _ends(space: SearchSpace, budget: Budget, name: str) -> tuple[int, int] | None:
    """The least of a figure, and its limit, or the most where there is none; None if they cannot be told."""
    high = budget.limit(name).high
    found = []
    for most in (False, True):
        if most and high is not None:
            found.append(high)
            continue
        best = solve(space, budget, Objective(name=name, most=most), 1, effort=_EFFORT)
        if not best.networks or not best.exact:
            return None
        table = budget.table(name)
        value = best.networks[0].value
        found.append(round(value * 10**table.decimals) if table is not None else int(value))
    return found[0], max(found)


def _spread(low: int, high: int, stops: int) -> tuple[int, ...]:
    """Stops from a figure's least to its most, of three digits, at equal ratios."""
    if low >= high or low <= 0:
        return tuple(sorted({max(low, 0), high}))
    ratios = np.geomspace(low, high, stops).tolist()
    # Each but the last is rounded, the first upwards: there something fits.
    found = {_rounded(value, up=i == 0) for i, value in enumerate(ratios[:-1])}
    return (*sorted(value for value in found if low <= value < high), high)


def _rounded(value: float, *, up: bool) -> int:
    step = 10 ** max(0, floor(log10(value)) - 2)
    return int(-(-value // step) if up else round(value / step)) * int(step)


def _seconds_of_a_count(space: SearchSpace, budget: Budget, ends: dict[str, tuple[int, int]]) -> float:
    """How long a count takes, from two."""
    start = time.perf_counter()
    for share in (1.0, 0.5):
        limits = {name: Limit(budget.limit(name).low, int(high * share)) for name, (_, high) in ends.items()}
        _within(space, budget, limits)
    return (time.perf_counter() - start) / 2


def _within(space: SearchSpace, budget: Budget, limits: dict[str, Limit]) -> int:
    if any(low is not None and high is not None and low > high for low, high in limits.values()):
        return 0
    return count_within(space, budget.replace(**limits))


def count_at_stops(
    space: SearchSpace,
    budget: Budget,
    lines: Sequence[Line],
    *,
    watch: Callable[[int, int], None] | None = None,
) -> tuple[int, ...]:
    """How many networks fit at every combination of stops, those of the last line one after another.

    Raises:
        BudgetError: as `archkit.budget.count_within`.
    """
    size = space.size()
    if budget.on_device or (size is not None and size <= _LISTED):
        return _listed(space, budget, lines)
    found: list[int] = []
    combinations = list(product(*(line.stops for line in lines)))
    for done, stops in enumerate(combinations):
        limits = {
            line.figure: Limit(budget.limit(line.figure).low, stop)
            for line, stop in zip(lines, stops, strict=True)
        }
        found.append(_within(space, budget, limits))
        if watch is not None:
            watch(done + 1, len(combinations))
    return tuple(found)


def _listed(space: SearchSpace, budget: Budget, lines: Sequence[Line]) -> tuple[int, ...]:
    """The same by looking at every network: how many have their places at each combination, then sums."""
    names = tuple(line.figure for line in lines)
    table = np.zeros([len(line.stops) for line in lines] or [1], dtype=np.int64)
    for chunk in chunks(space, budget, also=names):
        places = tuple(np.searchsorted(line.stops, chunk.figure(line.figure)) for line in lines)
        if any(
            int(place.max(initial=-1)) >= len(line.stops) for place, line in zip(places, lines, strict=True)
        ):
            raise BudgetError("a network within the budget has more of a figure than the last stop")
        np.add.at(table, places or (np.zeros(len(chunk), dtype=np.int64),), 1)
    for axis in range(table.ndim):
        table = table.cumsum(axis=axis)
    return tuple(table.ravel().tolist())
