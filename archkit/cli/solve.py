"""`archkit solve`: the best networks of a space within a budget, with the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.completion import objectives
from archkit.cli.ignored import refuse
from archkit.cli.ladder import print_ladder
from archkit.cli.limits import BudgetPath, Space, refuse_settings, takes_limits
from archkit.cli.render import exact, json_line, new_table, say, show
from archkit.cli.working import working
from archkit.count.metrics import CAPACITY, ENTROPY, OBJECTIVES, PEAK, TRAINING, as_options

if TYPE_CHECKING:
    from archkit.budget import Best, Budget, Candidate, Objective
    from archkit.spec import SearchSpace

__all__ = ["solve_command"]

_MEMORY = {TRAINING: "training bytes", PEAK: "peak bytes"}


@takes_limits
def solve_command(
    limits: dict[str, str],
    space: Space = None,
    budget_path: BudgetPath = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            autocompletion=objectives,
            show_default=CAPACITY,
            help=f"Rank by one of {as_options(*OBJECTIVES)}, highest first, or by least-macs and so on, "
            "lowest first.",
        ),
    ] = None,
    best: Annotated[
        int | None,
        typer.Option("--best", min=1, max=100_000, show_default="10", help="How many networks to give."),
    ] = None,
    max_rho: Annotated[
        float | None,
        typer.Option(
            "--max-rho", help="Upper limit of DeepMAD's effectiveness, for --by entropy; 0.3 by default."
        ),
    ] = None,
    front: Annotated[
        str | None,
        typer.Option(
            "--pareto",
            help="Give the front of several figures instead: params,+macs means the fewest parameters "
            "against the most MACs.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, one object per network.")
    ] = False,
) -> None:
    """Give the best networks of a space within a budget, and say what proves that they are the best.

    Where MACs are not limited and --best is not given, it gives the best one at several MACs.

    Example: archkit solve --budget cifar10-5m --max-macs 400M --best 3
    """
    from archkit.budget import MAX_RHO, Objective, read_directions, read_space_and_budget
    from archkit.errors import BudgetError

    searched, budget = read_space_and_budget(space, budget_path, limits)
    if front is not None:
        refuse("does not go with --pareto", by=by, best=best, max_rho=max_rho)
        refuse_settings(limits, budget, *(name for name, _ in read_directions(front)))
        _front(searched, budget, front, as_json=as_json)
        return
    by = CAPACITY if by is None else by
    objective = Objective.read(by, max_rho=MAX_RHO if max_rho is None else max_rho)
    if max_rho is not None and objective.name != ENTROPY:
        raise BudgetError("--max-rho goes with --by entropy")
    refuse_settings(limits, budget, objective.name)
    unlimited = best is None and by == CAPACITY and budget.macs.high is None
    if unlimited and print_ladder(searched, budget, objective, as_json=as_json):
        return
    found = _solve(searched, budget, objective, 10 if best is None else best)
    if as_json:
        _print_lines(found, budget, objective, by)
    else:
        _show_best(found, budget, objective)


def _solve(space: SearchSpace, budget: Budget, objective: Objective, n: int) -> Best:
    """The best networks.

    Raises:
        BudgetError: there are none; the message says why.
    """
    from archkit.budget import solve, why_nothing_fits
    from archkit.errors import BudgetError

    with working("width profiles ruled out or searched") as tell:
        found = solve(space, budget, objective, n, watch=tell)
    if found.networks:
        return found
    if not found.exact:
        raise BudgetError(f"nothing was found. {found.proof()}")
    with working("nothing fits; looking for what would"):
        reasons = why_nothing_fits(space, budget, objective)
    raise BudgetError("nothing fits: " + "\n".join(reasons))


def _print_lines(found: Best, budget: Budget, objective: Objective, by: str) -> None:
    for row in found.networks:
        memory = _memory(row.network, budget, (objective.name,))
        json_line({**row.network._asdict(), **memory, "objective": by, "value": row.value})
    if not found.exact:
        say(found.proof())  # JSON lines have no place for it


def _show_best(found: Best, budget: Budget, objective: Objective) -> None:
    also = (objective.name,)
    memories = [_memory(row.network, budget, also) for row in found.networks]
    scored = not objective.whole
    columns = ("params", "MACs", "depth", *(_MEMORY[name] for name in memories[0]))
    columns = (*columns, objective.name) if scored else columns
    table = new_table("spec", *columns, right=columns)
    for row, memory in zip(found.networks, memories, strict=True):
        one = row.network
        figures = map(exact, (one.params, one.macs, one.depth, *memory.values()))
        table.add_row(one.spec, *figures, *([_written(row.value)] if scored else []))
    show(table, "", found.proof())


def _written(value: float) -> str:
    """A capacity with four decimals, an entropy, which is larger, with two."""
    return f"{value:,.4f}" if abs(value) < 1_000 else f"{value:,.2f}"


def _front(space: SearchSpace, budget: Budget, text: str, *, as_json: bool) -> None:
    from archkit.budget import pareto, read_directions

    directions = read_directions(text)
    names = tuple(name for name, _ in directions)
    with working("looking at every network"):
        rows = pareto(space, budget, directions)
    memories = [_memory(row, budget, names) for row in rows]
    if as_json:
        for row, memory in zip(rows, memories, strict=True):
            json_line({**row._asdict(), **memory})
        return
    extra = tuple(_MEMORY[name] for name in memories[0]) if rows else ()
    columns = ("params", "MACs", "activations", "depth", *extra)
    table = new_table("spec", *columns, right=columns)
    for row, memory in zip(rows, memories, strict=True):
        table.add_row(row.spec, *map(exact, (*row[1:], *memory.values())))
    show(table, "", f"{exact(len(rows))} networks, none better in one figure without being worse in another.")


def _memory(network: Candidate, budget: Budget, also: tuple[str, ...]) -> dict[str, int]:
    """The bytes of each kind of memory that is limited or in `also`."""
    from archkit.spec import parse

    asked = any(name in _MEMORY for name in (*also, *(name for name, _ in budget.limited())))
    return budget.memories(parse(network.spec), also=also) if asked else {}
