"""Pareto fronts: the networks that no other betters in one figure without losing in another."""

from __future__ import annotations

import numpy as np

from archkit.budget.limits import FIGURES, Budget
from archkit.budget.listing import Candidate, chunks
from archkit.budget.tables import Ints
from archkit.errors import BudgetError
from archkit.spec import SearchSpace

__all__ = ["pareto", "read_directions"]


def read_directions(text: str) -> tuple[tuple[str, bool], ...]:
    """`params,+macs` as (figure, whether the most of it is best).

    Without a sign the least is best, but for depth, of which the most is.

    Raises:
        BudgetError: a figure is unknown or named twice.
    """
    found = []
    for word in text.split(","):
        name = word.strip().lstrip("+-").replace("-", "_")
        if name not in FIGURES:
            raise BudgetError(
                f"unknown figure {word.strip()!r}; known: {', '.join(FIGURES)}, each also +NAME"
            )
        sign = word.strip()[0]
        found.append((name, sign == "+" or (sign != "-" and name == "depth")))
    if len({name for name, _ in found}) < len(found):
        raise BudgetError(f"a figure is named twice in {text!r}")
    return tuple(found)


def pareto(
    space: SearchSpace, budget: Budget, directions: tuple[tuple[str, bool], ...]
) -> tuple[Candidate, ...]:
    """The exact front of `space` within `budget`, best in the first figure first.

    Of networks that are equal in all figures, the first in the order of `candidates` stands for all.
    Every network is looked at; memory holds one chunk and the front.

    Raises:
        BudgetError: the space has no upper end and the budget sets none either.
    """
    names = tuple(name for name, _ in directions)
    signs = np.array([-1 if most else 1 for _, most in directions], dtype=np.int64)
    front: Ints = np.zeros((0, len(names)), dtype=np.int64)
    networks: list[Candidate] = []
    for chunk in chunks(space, budget, also=names):
        points = np.column_stack([chunk.figure(name) for name in names]) * signs
        at = np.arange(len(points))
        for best in front:
            # Worse or equal in all: equal ones stand behind the one that came first.
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
    """Of some rows those that no other is at least as good as in all, the first of equal ones."""
    # In lexical order no later row can be better than an earlier one in all figures.
    rest = at[np.lexsort((at, *points[at].T[::-1]))]
    found = []
    while len(rest):
        best = rest[0]
        found.append(int(best))
        rest = rest[(points[rest] < points[best]).any(axis=1)]
    return np.array(sorted(found), dtype=np.int64)
