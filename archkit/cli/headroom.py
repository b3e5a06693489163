"""What `archkit count --budget` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from decimal import Decimal

    from archkit.budget import Change, Headroom
    from archkit.spec import ArchSpec

__all__ = ["show_headroom"]

_SHOWN = 5  # how many of the cheapest changes


def show_headroom(specs: list[ArchSpec], path: str, *, tables: dict[str, str], as_json: bool) -> None:
    """Show what each network leaves of a budget, and what single changes to it cost and gain.

    Raises:
        BudgetError: the budget file or a table is wrong.
    """
    from archkit.budget import headroom, read_budget

    budget = read_budget(path, tables=tables).budget
    for spec in specs:
        found = headroom(spec, budget)
        if as_json:
            json_line(_as_json(spec, found))
        else:
            _show(spec, found)


def _as_json(spec: ArchSpec, found: Headroom) -> dict[str, object]:
    return {
        "spec": str(spec),
        "left": [
            {
                "figure": one.figure,
                "upper": one.upper,
                **{key: _number(getattr(one, key)) for key in ("limit", "used", "left")},
            }
            for one in found.left
        ],
        "changes": [
            {
                "change": one.text,
                "spec": str(one.spec),
                "params": one.params,
                "macs": one.macs,
                "entropy": one.gain,
                "fits": one.fits,
            }
            for one in found.changes
        ],
        "best": None if found.best is None else str(found.best.spec),
    }


def _number(value: int | Decimal) -> int | float:
    return value if isinstance(value, int) else float(value)


def _show(spec: ArchSpec, found: Headroom) -> None:
    table = new_table("limit", "at", "used", "left", right=("at", "used", "left"), title=str(spec))
    for one in found.left:
        name = f"{'max' if one.upper else 'min'} {one.figure.replace('_', ' ')}"
        table.add_row(name, exact(one.limit), exact(one.used), exact(one.left))
    show(table)
    broken = [str(one) for one in found.left if one.left < 0]
    if broken:
        show(f"It does not fit: {'; '.join(broken)}.")
    else:
        columns = ("params", "MACs", "entropy")
        title = "cheapest changes that fit" if found.fitting else "cheapest changes, none of which fits"
        changes = new_table(title, *columns, right=columns)
        for change in (found.fitting or found.changes)[:_SHOWN]:
            changes.add_row(change.text, *_costs(change))
        show("", changes)
    if found.best is not None:
        text, gain = found.best.text.capitalize(), f"{found.best.gain:,.2f}"
        show(f"{text} raises the entropy most, by {gain}: {found.best.spec}.")


def _costs(change: Change) -> tuple[str, str, str]:
    return f"{change.params:+,}", f"{change.macs:+,}", f"{change.gain:+,.2f}"
