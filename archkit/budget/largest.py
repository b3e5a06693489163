"""The networks of a space that have most of a figure, by looking at each."""

from __future__ import annotations

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.listing import Candidate, chunks
from archkit.spec import SearchSpace

__all__ = ["largest"]


def largest(
    space: SearchSpace, budget: Budget, n: int | None, *, by: str = "params", least: bool = False
) -> tuple[tuple[Candidate, ...], int]:
    """The `n` networks within `budget` that have most of the figure `by`, and how many fit in all.

    The largest come first; with `least`, the smallest. If `n` is None, all are given. Of equal ones, the
    earlier in the order of `candidates` comes first. Every network is looked at.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    best: list[tuple[int, int, Candidate]] = []  # the figure, the greater the better; its place; the network
    seen = 0
    for chunk in chunks(space, budget, also=(by,)):
        figures = chunk.figure(by) if not least else -chunk.figure(by)
        at = np.arange(len(chunk))
        if n is not None:
            if len(best) == n:
                at = at[figures > best[-1][0]] if n else at[:0]
            at = at[np.argsort(-figures[at], kind="stable")][:n]
        if len(at):
            best += zip(figures[at].tolist(), (seen + at).tolist(), chunk.candidates(at), strict=True)
            if n is not None:
                best = sorted(best, key=_better)[:n]
        seen += len(chunk)
    return tuple(candidate for _, _, candidate in sorted(best, key=_better)), seen


def _better(entry: tuple[int, int, Candidate]) -> tuple[int, int]:
    return -entry[0], entry[1]
