"""Pareto fronts: the networks that no other beats in one figure without losing in another."""

from __future__ import annotations

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, chunks
from archkit.budget.stage_tables import Ints
from archkit.count.metrics import FIGURES, as_options
from archkit.errors import BudgetError
from archkit.spec import SearchSpace

__all__ = ["pareto", "read_directions"]


def read_directions(text: str) -> tuple[tuple[str, bool], ...]:
    """The figures of a front, from a text such as `params,+macs`: (figure, whether the most is best).

    Without a sign the least is best, except for depth: the most of that is best.

    Raises:
        BudgetError: a figure is unknown or named twice.
    """
    found = []
    for word in text.split(","):
        name = word.strip().lstrip("+-").replace("-", "_")
        if name not in FIGURES:
            known = as_options(*FIGURES)
            raise BudgetError(f"unknown figure {word.strip()!r}; known: {known}, each also as +NAME or -NAME")
        sign = word.strip()[0]
        found.append((name, sign == "+" or (sign != "-" and name == "depth")))
    if len({name for name, _ in found}) < len(found):
        raise BudgetError(f"a figure is named twice in {text!r}")
    return tuple(found)


def pareto(
    space: SearchSpace, budget: Budget, directions: tuple[tuple[str, bool], ...]
) -> tuple[Candidate, ...]:
    """The exact front of `space` within `budget`; the best in the first figure comes first.

    Of networks that are equal in all figures, only the first in the order of `candidates` is given. Every
    network is looked at; memory holds one chunk and the front.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    names = tuple(name for name, _ in directions)
    signs = np.array([-1 if most else 1 for _, most in directions], dtype=np.int64)
    front: Ints = np.zeros((0, len(names)), dtype=np.int64)
    networks: list[Candidate] = []
    for chunk in chunks(space, budget, also=names):
        points = np.column_stack([chunk.figure(name) for name in names]) * signs
        at = np.arange(len(points))
        for best in front:
            # Equal ones drop out too: the one that came first stands for them.
            at = at[(points[at] < best).any(axis=1)]
            if not len(at):
                break
        at = _undominated(points, at)
        if len(at):
            new = points[at]
            keep = np.array([not (new <= old).all(axis=1).any() for old in front], dtype=bool)
            front = np.concatenate([front[keep], new])
            networks = [one for one, yes in zip(networks, keep.tolist(), strict=True) if yes]
            networks += chunk.candidates(at)
    order = np.lexsort(front.T[::-1])
    return tuple(networks[i] for i in order.tolist())


def _undominated(points: Ints, at: Ints) -> Ints:
    """The rows that no other row equals or beats in all figures; of equal rows, the first."""
    # In lexical order no later row can be better than an earlier one in all figures.
    rest = at[np.lexsort((at, *points[at].T[::-1]))]
    found = []
    while len(rest):
        best = rest[0]
        found.append(int(best))
        rest = rest[(points[rest] < points[best]).any(axis=1)]
    return np.array(sorted(found), dtype=np.int64)
