"""`archkit enumerate`: the networks of a space that fit a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.limits import (
    BudgetPath,
    MaxActivations,
    MaxDepth,
    MaxMacs,
    MaxParams,
    MaxWeightBytes,
    MinActivations,
    MinDepth,
    MinMacs,
    MinParams,
    Space,
    WeightBits,
    read_space_and_budget,
)
from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archkit.budget import Budget, Candidate
    from archkit.spec import SearchSpace

__all__ = ["enumerate_command"]

_SHOWN = 20
_BAR = 40  # columns of the longest bar of a histogram


def enumerate_command(
    space: Space = None,
    budget_path: BudgetPath = None,
    max_params: MaxParams = None,
    min_params: MinParams = None,
    max_macs: MaxMacs = None,
    min_macs: MinMacs = None,
    max_activations: MaxActivations = None,
    min_activations: MinActivations = None,
    max_depth: MaxDepth = None,
    min_depth: MinDepth = None,
    max_weight_bytes: MaxWeightBytes = None,
    weight_bits: WeightBits = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "--top", min=0, help=f"How many to list, the first; {_SHOWN} by default."),
    ] = None,
    sort: Annotated[
        str,
        typer.Option("--sort", help="The largest of this come first: params, macs, activations or depth."),
    ] = "params",
    count: Annotated[
        bool, typer.Option("--count", help="Only count them, with a histogram over parameters.")
    ] = False,
    sample_size: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="Draw so many, each network as likely as every other."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of --sample.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a network, one a line.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write them all to a file: .csv, .jsonl or .parquet."),
    ] = None,
) -> None:
    """List the networks of a space that fit a budget, and say how many there are.

    The largest by parameters come first; with --output or --json and no --limit, all of them, in the
    order of the space.
    """
    from archkit.budget import largest, sample, write_candidates
    from archkit.budget.listing import candidates
    from archkit.budget.output import check_output
    from archkit.budget.tables import METRICS
    from archkit.errors import BudgetError

    searched, budget = read_space_and_budget(
        space,
        budget_path,
        {
            "max_params": max_params,
            "min_params": min_params,
            "max_macs": max_macs,
            "min_macs": min_macs,
            "max_activations": max_activations,
            "min_activations": min_activations,
            "max_depth": max_depth,
            "min_depth": min_depth,
            "max_weight_bytes": max_weight_bytes,
            "weight_bits": weight_bits,
        },
    )
    if sort not in METRICS:
        raise BudgetError(f"--sort is {' | '.join(METRICS)}, not {sort}")
    if count:
        _count(searched, budget, as_json=as_json)
        return
    if output is not None:
        check_output(output)
    rows: Iterable[Candidate]
    if sample_size is not None:
        rows = sample(searched, budget, sample_size, seed=seed)
    elif limit is None and (output is not None or as_json):
        rows = candidates(searched, budget)
    else:
        best, within = largest(searched, budget, _SHOWN if limit is None else limit, by=sort)
        if output is None and not as_json:
            show(f"Space: {searched}, {_size(searched)}; {exact(within)} within the budget.")
            _show_why_none(searched, budget, within)
            _show_table(best)
            if within > len(best):
                show("", f"The {len(best)} largest; --limit, --json or --output FILE give the rest.")
            return
        rows = best
    if output is not None:
        show(f"{exact(write_candidates(rows, output))} networks written to {output}")
    elif as_json:
        for row in rows:
            json_line(row._asdict())
    else:
        _show_table(tuple(rows))


def _size(space: SearchSpace) -> str:
    size = space.size()
    return "without end" if size is None else f"{exact(size)} networks"


def _count(space: SearchSpace, budget: Budget, *, as_json: bool) -> None:
    from archkit.budget import count_within, histogram

    within = count_within(space, budget)
    if as_json:
        json_line({"space": str(space), "size": space.size(), "within": within})
        return
    show(f"Space: {space}, {_size(space)}; {exact(within)} within the budget.")
    _show_why_none(space, budget, within)
    if not within or not budget.limited():
        return
    bins = histogram(space, budget)
    most = max(n for _, _, n in bins)
    table = new_table("parameters", "networks", "", right=("parameters", "networks"))
    for low, high, n in bins:
        # Integers, since counts can pass what a float holds.
        table.add_row(f"{exact(low)} to {exact(high)}", exact(n), "█" * (n * _BAR // most))
    show("", table)


def _show_why_none(space: SearchSpace, budget: Budget, within: int) -> None:
    if within:
        return
    from archkit.budget import relaxations

    for reason in relaxations(space, budget):
        show(f"Nothing fits: {reason}.")


def _show_table(rows: tuple[Candidate, ...]) -> None:
    if not rows:
        return
    columns = ("params", "MACs", "depth")
    table = new_table("spec", *columns, right=columns)
    for row in rows:
        table.add_row(row.spec, exact(row.params), exact(row.macs), exact(row.depth))
    show("", table)
