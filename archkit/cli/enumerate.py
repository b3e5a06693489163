"""`archkit enumerate`: the networks of a space that fit a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from archkit.budget import Candidate

__all__ = ["enumerate_command"]

_SHOWN = 20


def enumerate_command(
    space: Annotated[
        str | None,
        typer.Argument(
            metavar="[SPACE]",
            help="A spec with sets in it. By default 3 to 5 stages of 1 to 4 basic blocks, channels "
            r"doubling from 16 to 512 and never falling: \[1..4]*3..5x\[{16,32,64,128,256,512}] "
            "order=nondecreasing.",
            show_default=False,
        ),
    ] = None,
    max_params: Annotated[
        str | None, typer.Option(help="At most so many parameters: 5e6, 5M, 5_000_000.")
    ] = None,
    min_params: Annotated[str | None, typer.Option(help="At least so many parameters.")] = None,
    max_macs: Annotated[str | None, typer.Option(help="At most so many multiply-accumulates: 400M.")] = None,
    min_macs: Annotated[str | None, typer.Option(help="At least so many multiply-accumulates.")] = None,
    max_activations: Annotated[str | None, typer.Option(help="At most so many activations.")] = None,
    min_activations: Annotated[str | None, typer.Option(help="At least so many activations.")] = None,
    max_depth: Annotated[str | None, typer.Option(help="At most so many layers one behind another.")] = None,
    min_depth: Annotated[str | None, typer.Option(help="At least so many layers one behind another.")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=0, help=f"How many to list, the largest first; {_SHOWN} by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a network, one a line.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write them all to a file: .csv, .jsonl or .parquet."),
    ] = None,
) -> None:
    """List the networks of a space that fit a budget, and say how many there are.

    The largest by parameters come first; with --output and no --limit, all of them, in the order of
    the space.
    """
    from archkit.budget import Budget, largest, write_candidates
    from archkit.budget.listing import candidates
    from archkit.budget.output import check_output
    from archkit.spec import DEFAULT_SPACE, parse_space

    searched = parse_space(DEFAULT_SPACE if space is None else space)
    budget = Budget.read(
        {
            "max_params": max_params,
            "min_params": min_params,
            "max_macs": max_macs,
            "min_macs": min_macs,
            "max_activations": max_activations,
            "min_activations": min_activations,
            "max_depth": max_depth,
            "min_depth": min_depth,
        }
    )
    if output is not None:
        check_output(output)
        rows = candidates(searched, budget) if limit is None else largest(searched, budget, limit)[0]
        written = write_candidates(rows, output)
        show(f"{exact(written)} networks written to {output}")
        return
    if as_json and limit is None:
        for row in candidates(searched, budget):
            json_line(row._asdict())
        return
    best, within = largest(searched, budget, _SHOWN if limit is None else limit)
    if as_json:
        for row in best:
            json_line(row._asdict())
        return
    size = searched.size()
    counted = "without end" if size is None else f"{exact(size)} networks"
    show(f"Space: {searched}, {counted}; {exact(within)} within the budget.")
    _show_table(best, within)


def _show_table(best: tuple[Candidate, ...], within: int) -> None:
    if not best:
        return
    columns = ("params", "MACs", "depth")
    table = new_table("spec", *columns, right=columns)
    for row in best:
        table.add_row(row.spec, exact(row.params), exact(row.macs), exact(row.depth))
    show("", table)
    if within > len(best):
        show("", f"The {len(best)} largest; --limit, --json or --output FILE give the rest.")
