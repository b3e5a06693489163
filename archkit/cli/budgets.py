"""`archkit budgets`: the budgets that ship with archkit."""

from __future__ import annotations

from typing import Annotated

import typer

from archkit.cli.render import exact, json_line, new_table, show

__all__ = ["budgets_command"]


def budgets_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, one object per budget.")] = False,
) -> None:
    """List the budgets that go by name, as in --budget cifar10-5m, with their limits and sources.

    Example: archkit budgets --json
    """
    from archkit.budget import read_budget, shipped_budgets

    table = new_table("name", "limits", "source")
    for name, path in shipped_budgets().items():
        found = read_budget(path)
        if as_json:
            limits = {end.option.replace("-", "_"): end.value for end in found.budget.ends()}
            json_line({"name": name, "limits": limits, "space": found.space, "source": found.source})
        else:
            limits_text = "\n".join(f"{end.option} {exact(end.value)}" for end in found.budget.ends())
            table.add_row(name, limits_text, found.source or "")
    if not as_json:
        show(table)
