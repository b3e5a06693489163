"""`archkit solve`: the best networks of a space within a budget, with the proof."""

from __future__ import annotations

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
    from archkit.budget import Candidate

__all__ = ["solve_command"]


def solve_command(
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
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="What is best: entropy, params, macs, activations or depth, the most of it; "
            "least-macs and so on for the least.",
        ),
    ] = "entropy",
    best: Annotated[int, typer.Option("--best", min=1, max=100_000, help="How many to give.")] = 10,
    max_rho: Annotated[
        float | None,
        typer.Option("--max-rho", help="DeepMAD's effectiveness limit, with entropy; 0.3 by default."),
    ] = None,
    front: Annotated[
        str | None,
        typer.Option(
            "--pareto",
            help="The front of several figures instead: params,+macs is the least parameters against the "
            "most MACs.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a network, one a line.")] = False,
) -> None:
    """Give the best networks of a space within a budget, exactly, and say what proves it."""
    from archkit.budget import MAX_RHO, Objective, pareto, read_directions, relaxations, solve
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
    if front is not None:
        _show_front(pareto(searched, budget, read_directions(front)), as_json=as_json)
        return
    objective = Objective.read(by, max_rho=MAX_RHO if max_rho is None else max_rho)
    if max_rho is not None and objective.name != "entropy":
        raise BudgetError("--max-rho goes with --by entropy")
    found = solve(searched, budget, objective, best)
    if not found.networks:
        reasons = relaxations(searched, budget)
        raise BudgetError(f"nothing fits: {'; '.join(reasons) or 'no network keeps to every limit at once'}")
    if as_json:
        for row in found.networks:
            json_line({**row.network._asdict(), "objective": by, "value": row.value})
        return
    columns = ("params", "MACs", "depth", *(("entropy",) if objective.name == "entropy" else ()))
    table = new_table("spec", *columns, right=columns)
    for row in found.networks:
        one = row.network
        score = (f"{row.value:,.2f}",) if objective.name == "entropy" else ()
        table.add_row(one.spec, exact(one.params), exact(one.macs), exact(one.depth), *score)
    show(table, "", found.proof())


def _show_front(rows: tuple[Candidate, ...], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            json_line(row._asdict())
        return
    columns = ("params", "MACs", "activations", "depth")
    table = new_table("spec", *columns, right=columns)
    for row in rows:
        table.add_row(row.spec, *map(exact, row[1:]))
    show(table, "", f"{exact(len(rows))} networks, none better in one figure without being worse in another.")
