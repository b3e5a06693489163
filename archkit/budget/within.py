"""How many networks of a space fit a budget, and fair samples of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from archkit.budget.counting import CountTable
from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import Candidate, chunks
from archkit.budget.sampling import Sampler
from archkit.budget.tables import METRICS, NO_LIMIT, Ints, build_tables
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import SearchSpace
from archkit.spec.space import Setting

__all__ = ["count_within", "histogram", "least", "relaxations", "sample"]

_DEEP: Final = 400_000


def count_within(space: SearchSpace, budget: Budget) -> int:
    """How many networks of `space` keep to `budget`, exactly.

    One limited figure is counted by tables, whatever the number of networks; several at once by
    going through the stages, all but the last two one by one.

    >>> from archkit.spec import parse_space
    >>> budget = Budget.read({"max_params": "5e6"})
    >>> count_within(parse_space("[1..]*4x[8..512:8] order=nondecreasing"), budget)
    26108878089825

    Raises:
        BudgetError: the space has no upper end and the budget sets none either, or the tables would
            not fit into memory.
    """
    limited = budget.limited()
    size = space.size()
    if size is not None and not limited:
        return size
    if len(limited) == 1:
        name, limit = limited[0]
        if limit.high is not None:
            return sum(table.total for table in _tables(space, name, limit))
        if size is not None and limit.low is not None:
            below = Limit(None, limit.low - 1)
            return size - sum(table.total for table in _tables(space, name, below))
    return sum(len(chunk) for chunk in chunks(space, budget))


def histogram(space: SearchSpace, budget: Budget, bins: int = 10) -> tuple[tuple[int, int, int], ...]:
    """(low, high, networks) of equal ranges of parameters, from the fewest to the most that fit.

    Raises:
        BudgetError: as `count_within`.
    """
    limited = dict(budget.limited())
    high = limited["params"].high if "params" in limited else None
    low = (limited["params"].low if "params" in limited else None) or 0
    if high is None or (limited.keys() == {"params"} and high - low < bins):
        bins_from = [chunk.costs[METRICS.index("params")] for chunk in chunks(space, budget)]
        figures = np.concatenate(bins_from) if bins_from else np.zeros(0, dtype=np.int64)
        if not len(figures):
            return ()
        low, high = int(figures.min()), int(figures.max())
        edges = _edges(low, high, bins)
        found = [int(((figures > a) & (figures <= b)).sum()) for a, b in edges]
    else:
        edges = _edges(low, high, bins)
        found = [count_within(space, budget.replace(params=Limit(a + 1, b))) for a, b in edges]
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
    limited = budget.limited()
    generator = random.Random(seed)  # noqa: S311 - a sample, not a secret
    if len(limited) == 1 and limited[0][1].high is not None:
        return _sample_by_table(space, *limited[0], n, generator)
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
    space: SearchSpace, name: str, limit: Limit, n: int, generator: random.Random
) -> tuple[Candidate, ...]:
    families = list(_families(space))
    # A lone table is kept for the walk back; several are made again where a number falls into them.
    lone = _table(space, *families[0], name, limit, keep=True) if len(families) == 1 else None
    totals_of = (
        [_table(space, setting, stages, name, limit).total for setting, stages in families]
        if lone is None
        else [lone.total]
    )
    total = sum(totals_of)
    _refuse_empty(total, n)
    ranks = [generator.randrange(total) for _ in range(n)]
    found: dict[int, Candidate] = {}
    start = 0
    for (setting, stages), count in zip(families, totals_of, strict=True):
        mine = [i for i, rank in enumerate(ranks) if start <= rank < start + count]
        if mine:
            sampler = Sampler(lone or _table(space, setting, stages, name, limit, keep=True))
            for i in mine:
                spec = space.spec(setting, *sampler.network(ranks[i] - start))
                found[i] = Candidate(str(spec), *totals(spec))
        start += count
    return tuple(found[i] for i in range(n))


def _refuse_empty(total: int, n: int) -> None:
    if n and not total:
        raise BudgetError("no network of the space fits the budget")


def _families(space: SearchSpace) -> Iterator[tuple[Setting, int]]:
    for setting in space.settings:
        for stages in range(space.stages[0], space.stages[1] + 1):
            yield setting, stages


def _tables(space: SearchSpace, name: str, limit: Limit) -> Iterator[CountTable]:
    for setting, stages in _families(space):
        yield _table(space, setting, stages, name, limit)


def _table(
    space: SearchSpace, setting: Setting, stages: int, name: str, limit: Limit, *, keep: bool = False
) -> CountTable:
    high: Ints = np.full(len(METRICS), NO_LIMIT, dtype=np.int64)
    if limit.high is not None:
        high[METRICS.index(name)] = limit.high
    return CountTable(build_tables(space, setting, stages, high=high), name, limit, keep=keep)


def least(space: SearchSpace, name: str) -> int:
    """The least of a figure that any network of the space has.

    >>> from archkit.spec import parse_space
    >>> least(parse_space("[1..]*3x[16..64:16] order=nondecreasing"), "params")
    15658
    """
    m = METRICS.index(name)
    high: Ints = np.full(len(METRICS), NO_LIMIT, dtype=np.int64)
    if space.size() is None:
        # Any limit that the fewest blocks keep will do; without one the blocks would have no end.
        high[METRICS.index("depth")] = _DEEP
    found = []
    for setting, stages in _families(space):
        tables = build_tables(space, setting, stages, high=high)
        behind = tables.head[m]
        for table in reversed(tables.stages):
            cost = table.first[m] + (table.blocks[0] - 1) * table.other[m] + behind[None, :]
            behind = np.where(table.allowed, cost, NO_LIMIT).min(axis=1)
        found.append(int(behind[0]))
    return min(found)


def relaxations(space: SearchSpace, budget: Budget) -> tuple[str, ...]:
    """Why nothing fits, a sentence for each upper limit that nothing can keep to."""
    words = {
        "params": "parameters",
        "macs": "MACs",
        "activations": "activations",
        "depth": "layers one behind another",
    }
    found = []
    for name, limit in budget.limited():
        smallest = least(space, name)
        if limit.high is not None and smallest > limit.high:
            found.append(f"the smallest network of this space has {smallest:,} {words[name]}")
    return tuple(found)
