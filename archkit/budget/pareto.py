"""Pareto fronts: the networks that no other beats in one figure without losing in another."""

from __future__ import annotations

from math import inf
from typing import Final

import numpy as np

from archkit.budget.front import first_undominated, front
from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, check_finite, chunks
from archkit.budget.stage_tables import Ints, build_tables
from archkit.budget.within import why_too_many
from archkit.count import totals
from archkit.count.metrics import FIGURES, as_options
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, SearchSpace

__all__ = ["pareto", "read_directions"]

_WALKED: Final = 300_000  # networks that are looked at one by one


def read_directions(text: str, *, tables: tuple[str, ...] = ()) -> tuple[tuple[str, bool], ...]:
    """The figures of a front, from a text such as `params,+macs`: (figure, whether the most is best).

    Without a sign the least is best, except for depth: the most of that is best. `tables` are
    the names of the figures that tables give (`Budget.names`).

    Raises:
        BudgetError: a figure is unknown or named twice.
    """
    found = []
    for word in text.split(","):
        name = word.strip().lstrip("+-").replace("-", "_")
        if name not in (*FIGURES, *tables):
            known = as_options(*FIGURES, *tables)
            raise BudgetError(f"unknown figure {word.strip()!r}; known: {known}, each also as +NAME or -NAME")
        sign = word.strip()[0]
        found.append((name, sign == "+" or (sign != "-" and name == "depth")))
    if len({name for name, _ in found}) < len(found):
        raise BudgetError(f"a figure is named twice in {text!r}")
    return tuple(found)


def pareto(
    space: SearchSpace,
    budget: Budget,
    directions: tuple[tuple[str, bool], ...],
    *,
    effort: float = inf,
) -> tuple[Candidate, ...]:
    """The exact front of `space` within `budget`; the best in the first figure comes first.

    Of networks that are equal in all figures only one is given. In a small space every network is looked at,
    and it is the first in the order of `candidates`; otherwise the front is made stage by stage
    (`archkit.budget.front`).

    `effort` says how many points may be compared in one skeleton before it is given up.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end, or the fronts of the stages are too
            long to be kept, or to be compared with so much effort.
    """
    check_finite(space, budget)
    size = space.size()
    if budget.on_device:
        refused = why_too_many(space, budget)  # what fits is no product of stages: each must be looked at
        if refused is not None:
            raise refused
    if budget.on_device or (size is not None and size <= _WALKED):
        return _walked(space, budget, directions)
    names = tuple(name for name, _ in directions)
    found: Ints = np.zeros((len(names), 0), dtype=np.int64)
    specs: list[ArchSpec] = []
    for combination, stages in space.skeletons():
        tables = build_tables(space, combination, stages, budget, also=names)
        here = front(tables, directions, effort=effort)
        every = np.concatenate([found, here.points], axis=1)
        specs += [space.spec(combination, *widths) for widths in here.networks]
        best = first_undominated(every, np.arange(len(specs))).tolist() if specs else []
        found, specs = every[:, best], [specs[i] for i in best]
    order = np.lexsort(found[::-1])
    return tuple(Candidate(str(specs[i]), *totals(specs[i])) for i in order.tolist())


def _walked(
    space: SearchSpace, budget: Budget, directions: tuple[tuple[str, bool], ...]
) -> tuple[Candidate, ...]:
    """The front by looking at every network; memory holds one chunk and the front."""
    names = tuple(name for name, _ in directions)
    signs = np.array([-1 if most else 1 for _, most in directions], dtype=np.int64)
    kept: Ints = np.zeros((0, len(names)), dtype=np.int64)
    networks: list[Candidate] = []
    for chunk in chunks(space, budget, also=names):
        points = np.column_stack([chunk.figure(name) for name in names]) * signs
        at = np.arange(len(points))
        for best in kept:
            # Equal ones drop out too: the one that came first stands for them.
            at = at[(points[at] < best).any(axis=1)]
            if not len(at):
                break
        at = at[first_undominated(points[at].T, at)]
        if len(at):
            new = points[at]
            keep = np.array([not (new <= old).all(axis=1).any() for old in kept], dtype=bool)
            kept = np.concatenate([kept[keep], new])
            networks = [one for one, yes in zip(networks, keep.tolist(), strict=True) if yes]
            networks += chunk.candidates(at)
    order = np.lexsort(kept.T[::-1])
    return tuple(networks[i] for i in order.tolist())
