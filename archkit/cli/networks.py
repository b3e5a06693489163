"""How lists of networks are shown, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from archkit.cli.render import counted_networks, exact, new_table
from archkit.cli.working import working
from archkit.count.metrics import ARENA, FLASH, PEAK, TRAINING, as_options

if TYPE_CHECKING:
    from rich.table import Table

    from archkit.budget import Budget, CountEstimate, Objective
    from archkit.spec import SearchSpace

__all__ = ["cell", "head_line", "histogram_table", "limited", "network_table", "nothing_fits"]

_BAR: Final = 40  # columns of the longest bar of a histogram
_HEADS: Final = {
    "macs": "MACs",
    TRAINING: "training bytes",
    PEAK: "peak bytes",
    ARENA: "arena bytes",
    FLASH: "flash bytes",
}
_ALWAYS: Final = ("spec", "params", "macs", "depth")


def limited(budget: Budget, *also: str) -> tuple[str, ...]:
    """The figures that a table shows, whatever else: those that are limited or by a table, and `also`."""
    return (*(name for name, _ in budget.limited()), *budget.names, *also)


def head_line(space: SearchSpace, within: int | CountEstimate) -> str:
    """How many networks the space has and how many fit."""
    size = space.size()
    of = "without end" if size is None else counted_networks(size)
    return f"Space: {space}, {of}; {_within(within)}"


def _within(found: int | CountEstimate) -> str:
    if isinstance(found, int):
        return f"{exact(found)} within the budget."
    return (
        f"{exact(found.low)} to {exact(found.high)} within the budget (99.9%; not exact: of {found.draws:,} "
        f"networks drawn fairly from {exact(found.most)}, those that fit among them, {found.hits:,} keep to "
        "all limits)."
    )


def network_table(
    names: Sequence[str], rows: Iterable[Sequence[Any]], shown: Iterable[str], budget: Budget
) -> Table:
    """A table with the spec, parameters, MACs and depth, and of the columns `names` those in `shown`."""
    wanted = {*_ALWAYS, *shown}
    kept = [(i, name) for i, name in enumerate(names) if name in wanted]
    units = {table.name: f"{as_options(table.name)} {table.unit or ''}".strip() for table in budget.tables}
    heads = [units.get(name) or _HEADS.get(name, name) for _, name in kept]
    table = new_table(*heads, right=tuple(heads[1:]))
    for row in rows:
        table.add_row(*(cell(row[i]) for i, _ in kept))
    return table


def histogram_table(bins: Sequence[tuple[int, int, int]]) -> Table:
    """A histogram over parameters, with a bar for each range."""
    most = max(n for _, _, n in bins)
    table = new_table("parameters", "networks", "", right=("parameters", "networks"))
    for low, high, n in bins:
        # In integers, since a count may be more than a float can hold.
        table.add_row(f"{exact(low)} to {exact(high)}", exact(n), "█" * (n * _BAR // most))
    return table


def cell(value: Any) -> str:
    """A value as a table shows it: a whole number to the digit, another with two decimals, or four if small.

    Networks that are nearly as good as each other differ in the third decimal of a logarithm.
    """
    if isinstance(value, float):
        if 0 < abs(value) < 0.1:
            return f"{value:.3g}"
        return f"{value:,.2f}" if abs(value) >= 1_000 else f"{value:.4f}"
    return exact(value) if isinstance(value, int) else str(value)


def nothing_fits(space: SearchSpace, budget: Budget, objective: Objective | None = None) -> NoReturn:
    """End a command that has found no network: one line for each limit says how far it must be relaxed.

    Raises:
        NothingFitsError: always.
    """
    from archkit.budget import why_nothing_fits
    from archkit.errors import NothingFitsError

    with working("nothing fits; looking for what would"):
        reasons = why_nothing_fits(space, budget, objective)
    raise NothingFitsError("nothing fits: " + "\n".join(reasons))
