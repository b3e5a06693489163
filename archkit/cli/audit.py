"""`archkit audit`: the figures of a table, each against what its network costs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.render import exact, json_line, new_table, show
from archkit.cli.working import working

if TYPE_CHECKING:
    from archkit.count.audit import Audited

__all__ = ["audit_command"]


def audit_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A Markdown page with tables (.md), or a table (.csv)."),
    ],
    max_changes: Annotated[
        int,
        typer.Option(
            "--max-changes",
            min=0,
            max=4,
            help="The most changes of a notation that are combined.",
        ),
    ] = 1,
    every: Annotated[
        bool, typer.Option("--all", help="Also list the figures that are as written, and those not known.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, one object per figure.")] = False,
) -> None:
    """Check the parameters, MACs and FLOPs that a table prints of networks.

    A figure is as written, or explained (by a convention that the notation leaves out, by what another tool
    counts), or not explained. Networks that archkit does not know are only counted. The exit code is 1 if a
    figure is not explained, so that a table can be checked in CI.

    Example: archkit audit README.md
    """
    from archkit.count.audit import audit, read_tables
    from archkit.errors import DataError

    tables = read_tables(file)
    with working(f"checking the figures of {file}"):
        found = list(audit(tables, max_changes=max_changes))
    if all(one.verdict == "not known" for one in found):
        raise DataError(f"{file} has no table with figures of networks that are known")
    if as_json:
        for one in found:
            json_line(_as_json(one))
    else:
        _show(found, every=every)
    if any(one.verdict == "not explained" for one in found):
        raise typer.Exit(1)


def _as_json(one: Audited) -> dict[str, object]:
    return {
        "line": one.cell.line,
        "network": one.cell.name,
        "spec": None if one.spec is None else str(one.spec),
        "column": one.cell.column,
        "figure": one.cell.text,
        "read_as": one.cell.figure,
        "counts": one.cell.quantity,
        "verdict": one.verdict,
        "reason": one.reason,
        "own": one.own,
        "number": None if one.explanation is None else one.explanation.number,
    }


def _show(found: list[Audited], *, every: bool) -> None:
    listed = [one for one in found if every or one.verdict in ("explained", "not explained")]
    if listed:
        table = new_table("line", "network", "column", "figure", "verdict", "why", right=("line", "figure"))
        for one in listed:
            cell = one.cell
            table.add_row(str(cell.line), cell.name, cell.column, cell.text, one.verdict, one.reason)
        show(table, "")
    verdicts = Counter(one.verdict for one in found)
    said = (f"{exact(n)} {verdict}" for verdict, n in sorted(verdicts.items()))
    show(f"{exact(len(found))} figures: {', '.join(said)}.")
