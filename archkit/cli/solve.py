"""`archkit solve`: the best networks of a space within a budget, with the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.limits import BudgetPath, Space, read_space_and_budget, takes_limits, why_nothing_fits
from archkit.cli.render import exact, json_line, new_table, show
from archkit.cli.working import working

if TYPE_CHECKING:
    from archkit.budget import Budget, Candidate, Objective
    from archkit.spec import SearchSpace

__all__ = ["solve_command"]

_MEMORY = {"training_memory": "training bytes", "peak_memory": "peak bytes"}


@takes_limits
def solve_command(
    limits: dict[str, str],
    space: Space = None,
    budget_path: BudgetPath = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="What is best: entropy, params, macs, activations, depth, training-memory or peak-memory, "
            "the most of it; least-macs and so on for the least.",
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
    from archkit.budget import MAX_RHO, Objective, pareto, read_directions, solve
    from archkit.errors import BudgetError

    searched, budget = read_space_and_budget(space, budget_path, limits)
    if front is not None:
        directions = read_directions(front)
        with working("looking at every network"):
            rows = pareto(searched, budget, directions)
        _show_front(rows, budget, tuple(name for name, _ in directions), as_json=as_json)
        return
    objective = Objective.read(by, max_rho=MAX_RHO if max_rho is None else max_rho)
    if max_rho is not None and objective.name != "entropy":
        raise BudgetError("--max-rho goes with --by entropy")
    with working("plans of widths searched") as tell:
        found = solve(searched, budget, objective, best, watch=tell)
    if not found.networks:
        if not found.exact:
            raise BudgetError(f"nothing was found. {found.proof()}")
        with working("nothing fits; looking for what would"):
            reasons = _why_none(searched, budget, objective)
        raise BudgetError(f"nothing fits: {reasons[0]}" + "".join(f"\n{one}" for one in reasons[1:]))
    if as_json:
        for row in found.networks:
            memory = _memory(row.network, budget, (objective.name,))
            json_line({**row.network._asdict(), **memory, "objective": by, "value": row.value})
        if not found.exact:
            _warn(found.proof())
        return
    extra = tuple(_memory(found.networks[0].network, budget, (objective.name,)))
    scored = ("entropy",) if objective.name == "entropy" else ()
    columns = ("params", "MACs", "depth", *(_MEMORY[name] for name in extra), *scored)
    table = new_table("spec", *columns, right=columns)
    for row in found.networks:
        one = row.network
        memory = _memory(one, budget, (objective.name,))
        score = (f"{row.value:,.2f}",) if scored else ()
        table.add_row(
            one.spec,
            exact(one.params),
            exact(one.macs),
            exact(one.depth),
            *map(exact, memory.values()),
            *score,
        )
    show(table, "", found.proof())


def _warn(text: str) -> None:
    """What JSON lines have no place for."""
    typer.echo(text, err=True)


def _memory(network: Candidate, budget: Budget, also: tuple[str, ...]) -> dict[str, int]:
    """The memory figures of a network that are limited or asked for."""
    asked = tuple(name for name in also if name in _MEMORY)
    if not asked and not any(name in _MEMORY for name, _ in budget.limited()):
        return {}
    from archkit.spec import parse

    found = budget.figures(parse(network.spec), also=asked)
    return {name: found[name] for name in _MEMORY if name in found}


def _why_none(space: SearchSpace, budget: Budget, objective: Objective) -> list[str]:
    from archkit.budget import count_within, few_enough

    if objective.name == "entropy" and few_enough(space, budget) and count_within(space, budget):
        return [f"no network within the limits keeps to max-rho {objective.max_rho}"]
    return why_nothing_fits(space, budget) or ["the space is empty"]


def _show_front(
    rows: tuple[Candidate, ...], budget: Budget, names: tuple[str, ...], *, as_json: bool
) -> None:
    extra = tuple(_memory(rows[0], budget, names)) if rows else ()
    if as_json:
        for row in rows:
            json_line({**row._asdict(), **_memory(row, budget, names)})
        return
    columns = ("params", "MACs", "activations", "depth", *(_MEMORY[name] for name in extra))
    table = new_table("spec", *columns, right=columns)
    for row in rows:
        table.add_row(row.spec, *map(exact, (*row[1:], *_memory(row, budget, names).values())))
    show(table, "", f"{exact(len(rows))} networks, none better in one figure without being worse in another.")
