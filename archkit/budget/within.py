"""How many networks of a space fit a budget, and fair samples of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from archkit.budget.counting import CountTable
from archkit.budget.limits import PEAK, Budget, Limit
from archkit.budget.listing import Candidate, check_finite, chunks
from archkit.budget.sampling import Sampler
from archkit.budget.tables import build_tables
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import SearchSpace
from archkit.spec.space import Setting

__all__ = ["by_tables", "count_within", "histogram", "sample"]


def count_within(space: SearchSpace, budget: Budget) -> int:
    """How many networks of `space` keep to `budget`, exactly.

    One limited figure is counted by tables, whatever the number of networks; peak memory may be limited
    beside it, as it is a limit on each block by itself. Several other figures at once are counted by going
    through the stages, all but the last two one by one.

    >>> from archkit.spec import parse_space
    >>> budget = Budget.read({"max_params": "5e6"})
    >>> count_within(parse_space("[1..]*4x[8..512:8] order=nondecreasing"), budget)
    26108878089825

    Raises:
        BudgetError: the space has no upper end and the budget sets none either, or the tables would
            not fit into memory.
    """
    check_finite(space, budget)
    size = space.size()
    if size is not None and not budget.limited():
        return size
    if not by_tables(budget):
        return sum(len(chunk) for chunk in chunks(space, budget))
    peak = budget.peak_memory
    if peak.low is not None:
        # Those that reach the lower limit are all but those that stay under it.
        within = count_within(space, budget.replace(peak_memory=Limit(None, peak.high)))
        return within - count_within(space, budget.replace(peak_memory=Limit(None, peak.low - 1)))
    name, limit = _sum_limited(budget)
    if limit.high is None:
        # A space with an end: no network is beyond this, and no more blocks than it has are laid out.
        return sum(_without_top(space, budget, name, limit))
    return sum(table.total for table in _tables(space, budget, name, limit))


def by_tables(budget: Budget) -> bool:
    """Whether tables can count what fits: one figure is limited at most, peak memory aside."""
    return sum(name != PEAK for name, _ in budget.limited()) <= 1


def _sum_limited(budget: Budget) -> tuple[str, Limit]:
    """The limited figure besides peak memory; where there is none, depth, of the smallest tables."""
    found = [(name, limit) for name, limit in budget.limited() if name != PEAK]
    return found[0] if found else ("depth", Limit())


def _without_top(space: SearchSpace, budget: Budget, name: str, limit: Limit) -> Iterator[int]:
    """What a space with an end has at or above a lower limit: all, less those below it."""
    everything = budget.replace(**{name: Limit()})
    for setting, stages in space.families():
        tables = build_tables(space, setting, stages, everything)
        depth = tables.figures.index("depth")
        deepest = sum(
            int(t.first[depth].max()) + (t.blocks[-1] - 1) * int(t.other[depth].max())
            for t in tables.stages
            if t.blocks
        )
        top = Limit(None, deepest + int(tables.head[depth].max()))
        within = CountTable(
            build_tables(space, setting, stages, everything.replace(depth=top)), "depth", top
        ).total
        if limit.low is not None and limit.low > 0:
            below = Limit(None, limit.low - 1)
            within -= _table(space, setting, stages, budget, name, below).total
        yield within


def histogram(space: SearchSpace, budget: Budget, bins: int = 10) -> tuple[tuple[int, int, int], ...]:
    """(low, high, networks) of equal ranges of parameters, from the fewest to the most that fit.

    Where parameters have an upper limit, the ranges go from the lower one, or 0, to that.

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
    """`n` networks of `space` within `budget`, each drawn uniformly and by itself, with replacement.

    The same seed gives the same networks.

    Raises:
        BudgetError: nothing fits, or as `count_within`.
    """
    check_finite(space, budget)
    generator = random.Random(seed)  # noqa: S311 - a sample, not a secret
    if by_tables(budget) and budget.peak_memory.low is None and _sum_limited(budget)[1].high is not None:
        return _sample_by_table(space, budget, n, generator)
    counts = [len(chunk) for chunk in chunks(space, budget)]
    total = sum(counts)
    _refuse_empty(total, n)
    ranks = [generator.randrange(total) for _ in range(n)]
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
    name, limit = _sum_limited(budget)
    families = list(space.families())
    # A lone table is kept for the walk back; several are made again where a number falls into them.
    lone = _table(space, *families[0], budget, name, limit, keep=True) if len(families) == 1 else None
    totals_of = (
        [table.total for table in _tables(space, budget, name, limit)] if lone is None else [lone.total]
    )
    total = sum(totals_of)
    _refuse_empty(total, n)
    ranks = [generator.randrange(total) for _ in range(n)]
    found: dict[int, Candidate] = {}  # by number: the same one may be drawn again
    start = 0
    for (setting, stages), count in zip(families, totals_of, strict=True):
        mine = {rank for rank in ranks if start <= rank < start + count}
        if mine:
            sampler = Sampler(lone or _table(space, setting, stages, budget, name, limit, keep=True))
            for rank in mine:
                spec = space.spec(setting, *sampler.network(rank - start))
                found[rank] = Candidate(str(spec), *totals(spec))
        start += count
    return tuple(found[rank] for rank in ranks)


def _refuse_empty(total: int, n: int) -> None:
    if n and not total:
        raise BudgetError("no network of the space fits the budget")


def _tables(space: SearchSpace, budget: Budget, name: str, limit: Limit) -> Iterator[CountTable]:
    for setting, stages in space.families():
        yield _table(space, setting, stages, budget, name, limit)


def _table(
    space: SearchSpace,
    setting: Setting,
    stages: int,
    budget: Budget,
    name: str,
    limit: Limit,
    *,
    keep: bool = False,
) -> CountTable:
    tables = build_tables(space, setting, stages, budget.replace(**{name: limit}))
    return CountTable(tables, name, limit, keep=keep)
