"""How many networks of a space fit a budget, and fair samples of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from archkit.budget.counting import CountTable, count_table
from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import Candidate, check_finite, chunks
from archkit.budget.sampling import Sampler
from archkit.budget.stage_tables import build_tables
from archkit.count import totals
from archkit.count.metrics import PEAK
from archkit.errors import NothingFitsError
from archkit.spec import SearchSpace
from archkit.spec.space import Combination

__all__ = ["by_tables", "count_within", "histogram", "sample"]


def count_within(space: SearchSpace, budget: Budget) -> int:
    """How many networks of `space` keep to `budget`, exactly.

    If one figure is limited, tables count it, whatever the number of networks; peak memory may be limited
    besides, since it limits each block by itself. If several other figures are limited, every choice of all
    stages but the last two is looked at.

    >>> from archkit.spec import parse_space
    >>> budget = Budget.read({"max_params": "5e6"})
    >>> count_within(parse_space("[1..]*4x[8..512:8] order=nondecreasing"), budget)
    26108878089825

    Raises:
        BudgetError: neither the space nor the budget sets an upper end, or the tables would not fit into
            memory.
    """
    check_finite(space, budget)
    size = space.size()
    if size is not None and not budget.limited():
        return size
    if not by_tables(budget):
        return sum(len(chunk) for chunk in chunks(space, budget))
    peak = budget.peak_memory
    if peak.low is not None:
        # Those that reach the lower limit are all except those that stay under it.
        within = count_within(space, budget.replace(peak_memory=Limit(None, peak.high)))
        return within - count_within(space, budget.replace(peak_memory=Limit(None, peak.low - 1)))
    name, limit = _limited_sum(budget)
    if limit.high is None:
        # The space has an end: no network is beyond it, and no more blocks are laid out than it has.
        return sum(_without_upper_end(space, budget, name, limit))
    return sum(table.total for table in _tables(space, budget, name, limit))


def by_tables(budget: Budget) -> bool:
    """Whether tables can count what fits: at most one figure is limited, peak memory aside."""
    return sum(name != PEAK for name, _ in budget.limited()) <= 1


def _limited_sum(budget: Budget) -> tuple[str, Limit]:
    """The limited figure besides peak memory; if there is none, depth, whose tables are the smallest."""
    found = [(name, limit) for name, limit in budget.limited() if name != PEAK]
    return found[0] if found else ("depth", Limit())


def _without_upper_end(space: SearchSpace, budget: Budget, name: str, limit: Limit) -> Iterator[int]:
    """What a space with an end has at or above a lower limit, by skeleton: all, less those below it."""
    everything = budget.replace(**{name: Limit()})
    for combination, stages in space.skeletons():
        tables = build_tables(space, combination, stages, everything)
        depth = tables.figures.index("depth")
        deepest = sum(
            int(t.first[depth].max()) + (t.blocks[-1] - 1) * int(t.other[depth].max())
            for t in tables.stages
            if t.blocks
        )
        top = Limit(None, deepest + int(tables.head[depth].max()))
        within = _table(space, combination, stages, everything, "depth", top).total
        if limit.low is not None and limit.low > 0:
            below = Limit(None, limit.low - 1)
            within -= _table(space, combination, stages, budget, name, below).total
        yield within


def histogram(space: SearchSpace, budget: Budget, bins: int = 10) -> tuple[tuple[int, int, int], ...]:
    """(low, high, networks) of equal ranges of parameters, from the fewest to the most that fit.

    If parameters have an upper limit, the ranges go from the lower limit, or 0, to the upper one.

    Raises:
        BudgetError: as `count_within`.
    """
    low, high = budget.params.low or 0, budget.params.high
    params_alone = all(name in ("params", PEAK) for name, _ in budget.limited())
    if high is not None and params_alone and high - low >= bins:
        edges = _edges(low, high, bins)
        found = [count_within(space, budget.replace(params=Limit(a + 1, b))) for a, b in edges]
    else:
        figures = [chunk.figure("params") for chunk in chunks(space, budget)]
        every = np.sort(np.concatenate(figures)) if figures else np.zeros(0, dtype=np.int64)
        if not len(every):
            return ()
        low, high = (low, high) if high is not None else (int(every[0]), int(every[-1]))
        edges = _edges(low, high, bins)
        found = [int(np.diff(np.searchsorted(every, edge, side="right"))[0]) for edge in edges]
    return tuple((a + 1, b, count) for (a, b), count in zip(edges, found, strict=True))


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
    if by_tables(budget) and budget.peak_memory.low is None and _limited_sum(budget)[1].high is not None:
        return _sample_by_table(space, budget, n, generator)
    return _sample_by_listing(space, budget, n, generator)


def _sample_by_listing(
    space: SearchSpace, budget: Budget, n: int, generator: random.Random
) -> tuple[Candidate, ...]:
    """A sample for which the networks are listed twice: to count them, and to find those that were drawn."""
    ranks = _draw(sum(len(chunk) for chunk in chunks(space, budget)), n, generator)
    order = sorted(range(n), key=ranks.__getitem__)
    found: dict[int, Candidate] = {}
    walk, start = iter(order), 0
    here = next(walk, None)
    for chunk in chunks(space, budget):
        while here is not None and ranks[here] < start + len(chunk):
            found[here] = chunk.candidate(ranks[here] - start)
            here = next(walk, None)
        start += len(chunk)
        if here is None:
            break
    return tuple(found[i] for i in range(n))


def _sample_by_table(
    space: SearchSpace, budget: Budget, n: int, generator: random.Random
) -> tuple[Candidate, ...]:
    name, limit = _limited_sum(budget)
    skeletons = list(space.skeletons())
    # A lone table is kept for the walk back; of several, those that a number falls into are made again.
    lone = _table(space, *skeletons[0], budget, name, limit, keep=True) if len(skeletons) == 1 else None
    tables = _tables(space, budget, name, limit) if lone is None else (lone,)
    counts = [table.total for table in tables]
    ranks = _draw(sum(counts), n, generator)
    found: dict[int, Candidate] = {}  # by number: the same one may be drawn again
    start = 0
    for (combination, stages), count in zip(skeletons, counts, strict=True):
        mine = {rank for rank in ranks if start <= rank < start + count}
        if mine:
            sampler = Sampler(lone or _table(space, combination, stages, budget, name, limit, keep=True))
            for rank in mine:
                spec = space.spec(combination, *sampler.network(rank - start))
                found[rank] = Candidate(str(spec), *totals(spec))
        start += count
    return tuple(found[rank] for rank in ranks)


def _draw(total: int, n: int, generator: random.Random) -> list[int]:
    """`n` numbers, each drawn from those of `total` networks."""
    if n and not total:
        raise NothingFitsError("no network of the space fits the budget")
    return [generator.randrange(total) for _ in range(n)]


def _tables(space: SearchSpace, budget: Budget, name: str, limit: Limit) -> Iterator[CountTable]:
    for combination, stages in space.skeletons():
        yield _table(space, combination, stages, budget, name, limit)


def _table(
    space: SearchSpace,
    combination: Combination,
    stages: int,
    budget: Budget,
    name: str,
    limit: Limit,
    *,
    keep: bool = False,
) -> CountTable:
    tables = build_tables(space, combination, stages, budget.replace(**{name: limit}))
    return count_table(tables, name, limit, keep=keep)
