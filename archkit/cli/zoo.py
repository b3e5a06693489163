"""`archkit zoo`: the named architectures."""

from __future__ import annotations

from typing import Annotated

import typer

from archkit.cli.render import exact, json_line, new_table, show

__all__ = ["zoo_command"]


def zoo_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, one object per architecture.")
    ] = False,
) -> None:
    """List the architectures that have a name, with their specs and sources."""
    from archkit.count import totals
    from archkit.spec import parse, zoo

    table = new_table("name", "spec", "params", "MACs", "source", right=("params", "MACs"))
    for known in zoo.entries():
        cost = totals(parse(known.spec))
        if as_json:
            json_line({**known._asdict(), "params": cost.params, "macs": cost.macs})
        else:
            table.add_row(known.name, known.spec, exact(cost.params), exact(cost.macs), known.source)
    if not as_json:
        show(table)
