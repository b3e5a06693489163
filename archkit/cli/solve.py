"""`archkit solve`: the best networks of a space within a budget, with the proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.completion import objectives
from archkit.cli.ignored import one_of, refuse
from archkit.cli.ladder import print_ladder
from archkit.cli.limits import BudgetPath, Force, Named, Space, chosen_space, refuse_settings, takes_limits
from archkit.cli.networks import limited, network_table, nothing_fits
from archkit.cli.render import counted_networks, json_line, say, show
from archkit.cli.unlike import show_unlike, unlike
from archkit.cli.working import working
from archkit.count.metrics import CAPACITY, ENTROPY, OBJECTIVES, as_options
from archkit.files import LIST_ENDINGS

if TYPE_CHECKING:
    from archkit.budget import Best, Budget, Objective
    from archkit.budget.output import Columns
    from archkit.budget.rows import Row
    from archkit.spec import SearchSpace

__all__ = ["solve_command"]

_GUARDED = frozenset({CAPACITY})
"""Objectives that were judged by published networks, and say little of others."""


@takes_limits
def solve_command(
    limits: dict[str, str],
    tables: dict[str, str],
    space: Space = None,
    named: Named = None,
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
    extrapolate: Annotated[
        bool,
        typer.Option(
            "--extrapolate",
            help="With --by capacity, list networks unlike every published one too: guesses.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, one object per network.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=f"Write them to a file, whose ending names the format: {', '.join(LIST_ENDINGS)}.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Give the best networks of a space within a budget, and say what proves that they are the best.

    Where MACs are not limited and --best is not given, it gives the best one at several MACs.

    Example: archkit solve --budget cifar10-5m --max-macs 400M --best 3
    """
    from archkit.budget import MAX_RHO, Objective, read_directions, read_space_and_budget
    from archkit.budget.output import check_output
    from archkit.errors import BudgetError

    one_of(json=as_json, output=output)
    if output is None:
        refuse("goes with --output", force=force)
    if front is not None:
        refuse("does not go with --pareto", by=by, best=best, max_rho=max_rho, extrapolate=extrapolate)
    searched, budget = read_space_and_budget(chosen_space(space, named), budget_path, limits, tables=tables)
    if output is not None:
        check_output(output, force=force)
    if front is not None:
        refuse_settings(limits, budget, *(name for name, _ in read_directions(front, tables=budget.names)))
        _front(searched, budget, front, output, as_json=as_json)
        return
    by = CAPACITY if by is None else by
    max_rho_here = MAX_RHO if max_rho is None else max_rho
    objective = Objective.read(by, max_rho=max_rho_here, tables=budget.names)
    if max_rho is not None and objective.name != ENTROPY:
        raise BudgetError("--max-rho goes with --by entropy")
    if objective.name not in _GUARDED:
        refuse(f"does not go with --by {by}", extrapolate=extrapolate)
    refuse_settings(limits, budget, objective.name)
    unlimited = best is None and output is None and by == CAPACITY and budget.macs.high is None
    if unlimited and print_ladder(searched, budget, objective, as_json=as_json):
        return
    wanted = 10 if best is None else best
    found, left_out = _solve(searched, budget, objective, wanted, guarded=not extrapolate)
    _put_best(found, budget, objective, by, output, as_json=as_json)
    if left_out is not None:
        say(left_out)


def _solve(
    space: SearchSpace, budget: Budget, objective: Objective, n: int, *, guarded: bool
) -> tuple[Best, str | None]:
    """The best networks, and what is to be said of those that are left out.

    Raises:
        NothingFitsError: there are none; the message says why.
    """
    from archkit.budget import solve
    from archkit.budget.guarded import solve_guarded
    from archkit.errors import NothingFitsError

    left_out = None
    with working("width profiles ruled out or searched") as tell:
        if guarded and objective.name in _GUARDED:
            inside = solve_guarded(space, budget, objective, n, watch=tell)
            found, left_out = inside.best, inside.said()
        else:
            found = solve(space, budget, objective, n, watch=tell)
    if not found.networks:
        if not found.exact:
            raise NothingFitsError(f"nothing was found. {found.proof()}")
        nothing_fits(space, budget, objective)
    return found, left_out


def _put_best(
    found: Best, budget: Budget, objective: Objective, by: str, output: Path | None, *, as_json: bool
) -> None:
    """Print the best networks with the proof, or write them to a file."""
    from archkit.budget.output import figures
    from archkit.budget.rows import columns, rows_of

    names = columns(budget, objective.name)
    plain = rows_of((row.network for row in found.networks), budget, objective.name)
    whole = objective.whole and objective.name not in budget.with_decimals
    values = [int(row.value) if whole else row.value for row in found.networks]
    if output is None and not as_json:
        scored = () if objective.whole else (objective.name,)
        rows = [(*row, *(value,) * len(scored)) for row, value in zip(plain, values, strict=True)]
        shown = (*limited(budget, objective.name), *scored)
        show(network_table((*names, *scored), rows, shown, budget), "", found.proof())
        if objective.name in _GUARDED:
            show_unlike(row.network.spec for row in found.networks)
        return
    kinds = {
        **figures(names, budget.with_decimals),
        "objective": str,
        "value": int if whole else float,
        "exact": bool,
        "proof": str,
    }
    proof = (found.exact, found.proof())
    rows = [(*row, by, value, *proof) for row, value in zip(plain, values, strict=True)]
    if objective.name in _GUARDED:
        kinds["outside"] = str
        rows = [(*row, unlike(row[0])) for row in rows]
    _put(rows, kinds, output, found.proof())


def _put(rows: list[Row], kinds: Columns, output: Path | None, said: str) -> None:
    """Write rows to a file and say so, or print them as JSON lines."""
    from archkit.budget.output import write_rows

    if output is None:
        for row in rows:
            json_line(dict(zip(kinds, row, strict=True)))
    else:
        written = write_rows(rows, kinds, output)
        show(f"{counted_networks(written)} written to {output}", said)


def _front(space: SearchSpace, budget: Budget, text: str, output: Path | None, *, as_json: bool) -> None:
    from archkit.budget import pareto, read_directions
    from archkit.budget.output import figures
    from archkit.budget.rows import columns, rows_of

    directions = read_directions(text, tables=budget.names)
    also = tuple(name for name, _ in directions)
    with working("looking at every network"):
        found = pareto(space, budget, directions)
    if not found:
        nothing_fits(space, budget)
    names, rows = columns(budget, *also), list(rows_of(found, budget, *also))
    than = ", none better in one figure without being worse in another" if len(rows) > 1 else ""
    said = f"{counted_networks(len(rows))}{than}."
    if output is None and not as_json:
        show(network_table(names, rows, limited(budget, *also), budget), "", said)
    else:
        _put(rows, figures(names, budget.with_decimals), output, said)
