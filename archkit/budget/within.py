"""How many networks of a space fit a budget, and fair samples of them."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Final

import numpy as np

from archkit.budget.counters import check_countable, counter, points_compared
from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import Candidate, check_finite, chunks
from archkit.count import totals
from archkit.count.metrics import PEAK
from archkit.errors import BudgetError, NothingFitsError
from archkit.spec import ArchSpec, SearchSpace

__all__ = [
    "count_at_most",
    "count_within",
    "few_enough",
    "histogram",
    "histogram_is_quick",
    "sample",
    "sample_at_most",
    "why_too_many",
]

_NOTHING: Final = "no network of the space fits the budget"
_WALKED: Final = 2_000_000  # networks that are listed in a second or two
_COMPARED: Final = 2_000_000  # parts of networks; ten counts that compare as many take some seconds
_MORE: Final = 64  # that are drawn besides, where some will be refused
_LOOKED_AT: Final = 100_000  # networks whose arena and flash are worked out in a minute or two
_QUICK: Final = 10_000  # in seconds
_DRAWN: Final = 20_000  # networks of which one at least must fit, if a sample is to be drawn


def count_within(space: SearchSpace, budget: Budget) -> int:
    """How many networks of `space` keep to `budget`, exactly.

    However many there are, and however many figures are limited: see `archkit.budget.counters`. Only under a
    limit on arena or flash is each network looked at that tables do not rule out, and there may be 100,000.

    >>> from archkit.spec import parse_space
    >>> budget = Budget.read({"max_params": "5e6"})
    >>> count_within(parse_space("[1..]*4x[8..512:8] order=nondecreasing"), budget)
    26108878089825

    Raises:
        BudgetError: neither the space nor the budget sets an upper end, or counting would take too long or
            would not fit into memory.
    """
    check_finite(space, budget)
    size = space.size()
    if size is not None and not budget.limited():
        return size
    if not budget.on_device:
        return count_at_most(space, budget)
    refused = _too_many_on_device(space, budget)
    if refused is not None:
        raise refused
    return sum(len(chunk) for chunk in chunks(space, budget))


def _too_many_on_device(space: SearchSpace, budget: Budget) -> BudgetError | None:
    """The error of a count that would look at too many networks; None if it would not."""
    found = count_at_most(space, budget)
    if found <= _LOOKED_AT:
        return None
    return BudgetError(
        f"{found:,} networks may keep to these limits, and an exact count under limits on arena or flash "
        f"looks at each, {_LOOKED_AT:,} at most; coarser steps of width or further limits leave fewer"
    )


def count_at_most(space: SearchSpace, budget: Budget) -> int:
    """How many networks keep to `budget`, where arena and flash are held to what tables can tell.

    Without limits on those it is exact; with them it is no less than `count_within`.

    Raises:
        BudgetError: as `count_within`.
    """
    without, under = _above_the_least_peak(budget)
    within = sum(counter(space, *skeleton, without).total for skeleton in space.skeletons())
    return within if under is None else within - count_at_most(space, under)


def _above_the_least_peak(budget: Budget) -> tuple[Budget, Budget | None]:
    """The budget without a lower limit on peak memory; and where it has one, that of what stays under it."""
    low, high = budget.peak_memory
    if low is None or low <= 0:
        return budget.replace(peak_memory=Limit(None, high)), None
    return budget.replace(peak_memory=Limit(None, high)), budget.replace(peak_memory=Limit(None, low - 1))


def few_enough(space: SearchSpace, budget: Budget) -> bool:
    """Whether the networks that fit can be counted exactly in a minute or so.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    return why_too_many(space, budget) is None


def why_too_many(space: SearchSpace, budget: Budget) -> BudgetError | None:
    """The error that a count would end in, from an estimate before anything is counted; None if it would not.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    check_finite(space, budget)
    try:
        for one in _above_the_least_peak(budget):
            if one is not None:
                check_countable(space, one)
        if budget.on_device:
            return _too_many_on_device(space, budget)
    except BudgetError as error:
        return error
    return None


def histogram(space: SearchSpace, budget: Budget, bins: int = 10) -> tuple[tuple[int, int, int], ...]:
    """(low, high, networks) of equal ranges of parameters, from the fewest to the most that fit.

    If parameters have an upper limit, the ranges go from the lower limit, or 0, to the upper one.

    Raises:
        BudgetError: as `count_within`.
    """
    low, high = budget.params.low or 0, budget.params.high
    params_alone = all(name in ("params", PEAK) for name, _ in budget.limited())
    size = space.size()
    walked = budget.on_device
    if (
        not walked
        and high is not None
        and (params_alone or size is None or size > _WALKED)
        and high - low >= bins
    ):
        edges = _edges(low, high, bins)
        # What stays under each edge: the tables are the smaller the lower it is.
        under = [
            count_within(space, budget.replace(params=Limit(None, most))) if most >= 0 else 0
            for most in (edges[0][0], *(b for _, b in edges))
        ]
        found = [b - a for a, b in pairwise(under)]
    else:
        figures = [chunk.figure("params") for chunk in chunks(space, budget)]
        every = np.sort(np.concatenate(figures)) if figures else np.zeros(0, dtype=np.int64)
        if not len(every):
            return ()
        low, high = (low, high) if high is not None else (int(every[0]), int(every[-1]))
        edges = _edges(low, high, bins)
        found = [int(np.diff(np.searchsorted(every, edge, side="right"))[0]) for edge in edges]
    return tuple((a + 1, b, count) for (a, b), count in zip(edges, found, strict=True))


def histogram_is_quick(space: SearchSpace, budget: Budget, within: int) -> bool:
    """Whether `histogram` takes seconds, if `within` networks fit.

    Under several limits each range is a count of its own. Where parameters have no upper limit, every network
    is looked at.
    """
    if budget.on_device:
        return within <= _QUICK
    size = space.size()
    if budget.params.high is None or (size is not None and size <= _WALKED):
        return within <= _WALKED
    return points_compared(space, budget) <= _COMPARED


def _edges(low: int, high: int, bins: int) -> list[tuple[int, int]]:
    marks = [low - 1 + (high - low + 1) * i // bins for i in range(bins + 1)]
    return [(a, b) for a, b in pairwise(marks) if b > a]


def sample(space: SearchSpace, budget: Budget, n: int, *, seed: int = 0) -> tuple[Candidate, ...]:
    """`n` networks of `space` within `budget`, each drawn uniformly and independently, with replacement.

    The same seed gives the same networks.

    Raises:
        BudgetError: nothing fits, or as `count_within`.
    """
    check_finite(space, budget)
    generator = random.Random(seed)  # noqa: S311 - a sample, not a secret
    without, under = _above_the_least_peak(budget)
    if under is None and not budget.on_device:
        return tuple(_candidate(spec) for spec in _drawn(space, without, n, generator))
    # Of those that are drawn without them, the ones that keep to the lower limit on the peak, and to those on
    # arena and flash, are a fair sample.
    if n and few_enough(space, budget) and not count_within(space, budget):
        raise NothingFitsError(_NOTHING)
    found: list[ArchSpec] = []
    looked_at = 0
    while len(found) < n:
        drawn = _drawn(space, without, 2 * (n - len(found)) + _MORE, generator)
        found += [spec for spec in drawn if budget.fits(spec)]
        looked_at += len(drawn)
        if not found and budget.on_device and looked_at >= _DRAWN:
            raise BudgetError(
                f"of {looked_at:,} networks drawn fairly from those that may keep to these limits, none does"
            )
    return tuple(map(_candidate, found[:n]))


def sample_at_most(space: SearchSpace, budget: Budget, n: int, *, seed: int = 0) -> tuple[ArchSpec, ...]:
    """The same of the networks that `count_at_most` counts; peak memory may only have an upper limit.

    Raises:
        BudgetError: as `sample`.
    """
    check_finite(space, budget)
    return tuple(_drawn(space, budget, n, random.Random(seed)))  # noqa: S311 - a sample, not a secret


def _candidate(spec: ArchSpec) -> Candidate:
    return Candidate(str(spec), *totals(spec))


def _drawn(space: SearchSpace, budget: Budget, n: int, generator: random.Random) -> list[ArchSpec]:
    """A fair sample; peak memory may only have an upper limit."""
    skeletons = list(space.skeletons())
    # A lone counter is kept for the walk back; of several, those that a number falls into are made again.
    lone = counter(space, *skeletons[0], budget, keep=True) if len(skeletons) == 1 else None
    counts = [lone.total] if lone else [counter(space, *one, budget).total for one in skeletons]
    total = sum(counts)
    if n and not total:
        raise NothingFitsError(_NOTHING)
    ranks = [generator.randrange(total) for _ in range(n)]
    found: dict[int, ArchSpec] = {}  # by number: the same one may be drawn again
    start = 0
    for (combination, stages), count in zip(skeletons, counts, strict=True):
        mine = sorted({rank - start for rank in ranks if start <= rank < start + count})
        if mine:
            here = lone or counter(space, combination, stages, budget, keep=True)
            for number, widths in here.networks(mine).items():
                found[start + number] = space.spec(combination, *widths)
        start += count
    return [found[rank] for rank in ranks]
