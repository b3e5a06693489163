"""`archkit zoo`: the named architectures."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated, Final

import typer

from archkit.cli.render import exact, json_line, new_table, show

__all__ = ["zoo_command"]

_WIDE: Final = 200  # columns that a table with specs takes
_GAP: Final = 3  # columns between two of a table


def zoo_command(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, one object per architecture.")
    ] = False,
) -> None:
    """List the architectures that have a name, with their specs and sources.

    Example: archkit zoo --json
    """
    from archkit.count import totals
    from archkit.spec import parse, zoo

    known = [(entry, totals(parse(entry.spec))) for entry in zoo.entries()]
    if as_json:
        for entry, cost in known:
            json_line({**entry._asdict(), "params": cost.params, "macs": cost.macs})
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    if width < _WIDE:
        _show_narrow([(e.name, exact(c.params), exact(c.macs), e.source) for e, c in known], width)
        return
    table = new_table("name", "spec", "params", "MACs", "source", right=("params", "MACs"))
    for entry, cost in known:
        table.add_row(entry.name, entry.spec, exact(cost.params), exact(cost.macs), entry.source)
    show(table)


def _show_narrow(rows: list[tuple[str, str, str, str]], width: int) -> None:
    """Without the specs, which would make ten lines of one, and with the sources cut where the line ends."""
    left = width - sum(max(len(row[at]) for row in rows) + _GAP for at in range(3))
    table = new_table("name", "params", "MACs", "source", right=("params", "MACs"))
    for *figures, source in rows:
        table.add_row(*figures, source if len(source) <= left else source[: max(0, left - 1)] + "…")
    show(table, "", "A wider terminal, a pipe or --json shows the specs.")
