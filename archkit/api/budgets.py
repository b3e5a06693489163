"""`enumerate` and `solve` from texts and keywords."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from archkit.api.shown import shown
from archkit.budget import Best, Budget, First, Objective, first, read_space_and_budget
from archkit.budget import solve as best_of
from archkit.budget.guarded import solve_guarded
from archkit.count.metrics import CAPACITY
from archkit.errors import BudgetError, SpecError
from archkit.spec import SearchSpace

__all__ = ["enumerate", "solve"]


def enumerate(  # noqa: A001 - the command's name, as archkit.enumerate
    space: SearchSpace | str | None = None,
    *,
    budget: Budget | Path | str | None = None,
    sort: str = "params",
    n: int = 20,
    **limits: float | str | None,
) -> First:
    """The first `n` networks of a space that fit a budget, and how many fit in all.

    >>> import archkit
    >>> found = archkit.enumerate("[1..3]*2x[{8,16,32}]", max_params="20k", n=2)
    >>> found.within, [one.spec for one in found.networks]
    (37, ['[1,1]x[16,32]', '[1,3]x[16,16]'])

    Args:
        space: a text of the language or a TOML file; 3 or 4 stages of basic blocks if none is given.
        budget: the name of a budget that archkit ships, a TOML file, or what `Budget.read` makes.
        sort: the figure by which they are sorted, most first; `least-params` and so on, least first.
        n: how many to give.
        **limits: `max_params="5M"`, `min_depth=10` and so on, which replace the budget's; None for none.

    Raises:
        SpecError: the space is none.
        BudgetError: a limit or the budget is wrong, or neither the space nor the budget sets an upper end.
    """
    searched, within = _read(space, budget, limits, n)
    return first(searched, within, Objective.read_figure(sort, option="sort", tables=within.names), n)


def solve(
    space: SearchSpace | str | None = None,
    *,
    budget: Budget | Path | str | None = None,
    by: str = CAPACITY,
    n: int = 10,
    extrapolate: bool = False,
    progress: bool = True,
    **limits: float | str | None,
) -> Best:
    """The `n` best networks of a space within a budget, and the proof that no other is better.

    >>> import archkit
    >>> best = archkit.solve("[1..3]*2x[{8,16,32}]", max_params="20k", by="macs", n=1)
    >>> best.networks[0].network.spec, best.exact
    ('[3,1]x[16,16]', True)

    Args:
        space: as `enumerate` takes it.
        budget: as `enumerate` takes it.
        by: `capacity`, `entropy` or a figure, most first; `least-params` and so on put the least first.
        n: how many to give.
        extrapolate: whether networks unlike every published one are given too, where they are ranked by
            capacity.
        progress: whether a notebook shows how far it is.
        **limits: as `enumerate` takes them.

    Raises:
        SpecError: the space is none.
        BudgetError: as `enumerate`.
    """
    searched, within = _read(space, budget, limits, n)
    objective = Objective.read(by, tables=within.names)
    with shown(wanted=progress) as tell:

        def watch(done: int, total: int) -> None:
            tell("width profiles ruled out or searched", done, total)

        if objective.name == CAPACITY and not extrapolate:
            return solve_guarded(searched, within, objective, n, watch=watch).best
        return best_of(searched, within, objective, n, watch=watch)


def _read(
    space: SearchSpace | str | None,
    budget: Budget | Path | str | None,
    limits: Mapping[str, float | str | None],
    n: int,
) -> tuple[SearchSpace, Budget]:
    if n < 0:
        raise BudgetError(f"n is how many networks to give, not {n}")
    text = str(space) if isinstance(space, SearchSpace) else space
    if text is not None and not isinstance(text, str):
        raise SpecError(f"a space is a text, such as '[1..4]*3x[16..64:16]', not {space!r}")
    texts = {key: str(value) for key, value in limits.items() if value is not None}
    if isinstance(budget, Budget):
        return read_space_and_budget(text, None, {})[0], budget.changed(texts)
    return read_space_and_budget(text, budget, texts)
