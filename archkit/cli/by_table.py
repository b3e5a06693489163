"""What `archkit count --table` prints: what networks cost, with the figures that tables give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archkit.cli.networks import network_table
from archkit.cli.render import json_line, show

if TYPE_CHECKING:
    from archkit.spec import ArchSpec

__all__ = ["show_by_table"]


def show_by_table(specs: list[ArchSpec], tables: dict[str, str], *, as_json: bool) -> None:
    """Print a row for each network, or a JSON object.

    Raises:
        BudgetError: a table is wrong, or has no cost for one of a network's blocks.
    """
    from archkit.budget import Budget, Candidate, read_table
    from archkit.budget.rows import columns, rows_of
    from archkit.count import totals

    read = (read_table(path, name=name) for name, path in tables.items())
    budget = Budget.read({}, tables=read)
    names = columns(budget)
    rows = list(rows_of((Candidate(str(spec), *totals(spec)) for spec in specs), budget))
    if as_json:
        for row in rows:
            json_line(dict(zip(names, row, strict=True)))
    else:
        show(network_table(names, rows, names, budget))
