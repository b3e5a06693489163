"""`archkit explore`: a space under a budget as a page to look around in."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from archkit.cli.completion import objectives
from archkit.cli.limits import BudgetPath, Force, Named, Space, chosen_space, refuse_settings, takes_limits
from archkit.cli.render import counted_networks, exact, say
from archkit.cli.working import working
from archkit.count.metrics import CAPACITY, OBJECTIVES, PEAK, TRAINING, as_options
from archkit.files import is_there

__all__ = ["explore_command"]

_MOST: Final = 20_000


@takes_limits
def explore_command(
    limits: dict[str, str],
    tables: dict[str, str],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page: one file that needs no network.")
    ],
    space: Space = None,
    named: Named = None,
    budget_path: BudgetPath = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            autocompletion=objectives,
            help=f"What the solver ranks by: one of {as_options(*OBJECTIVES)}, or least-macs and so on.",
        ),
    ] = CAPACITY,
    sample_size: Annotated[
        int, typer.Option("--sample", min=1, max=_MOST, help="How many networks to draw fairly.")
    ] = 2_000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sample.")] = 0,
    best: Annotated[
        int, typer.Option("--best", min=1, max=1_000, help="How many of the best networks to show.")
    ] = 10,
    front: Annotated[
        str,
        typer.Option(
            "--pareto",
            help="The figures of the front: params,+macs means the fewest parameters against the most MACs.",
        ),
    ] = "params,+macs",
    runs: Annotated[
        list[Path] | None,
        typer.Option("--runs", metavar="DIR", help="A folder of finished runs, whose networks are marked."),
    ] = None,
    title: Annotated[str, typer.Option(help="The heading of the page.")] = "archkit explore",
    force: Force = False,
) -> None:
    """Write a page that shows a space under a budget: a fair sample, the front, the best, and what fits.

    Its limits can be dragged, and say at every stop how many networks fit, exactly. It opens from the
    disk, and asks for nothing from elsewhere.

    Example: archkit explore --max-params 5M --max-macs 400M -o space.html
    """
    from archkit.budget import Objective, read_space_and_budget
    from archkit.errors import OutputError
    from archkit.explore import explore, to_html
    from archkit.files import write_text

    if is_there(output) and not force:
        raise OutputError(f"{output} is there already; --force replaces it")
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent} is not a folder")
    import_module("vl_convert")  # if it is missing, that is said before the counting
    searched, budget = read_space_and_budget(chosen_space(space, named), budget_path, limits, tables=tables)
    objective = Objective.read(by, tables=budget.names)
    refuse_settings(limits, budget, TRAINING, PEAK)
    with working("counting at the limits' stops, seeking the best") as tell:
        found = explore(
            searched,
            budget,
            objective,
            draws=sample_size,
            seed=seed,
            best=best,
            front=front,
            runs=runs or (),
            watch=lambda _what, done, total: tell(done, total),
        )
    with working("drawing the networks") as tell:
        page = to_html(found, title=title, watch=lambda _what, done, total: tell(done, total))
    try:
        write_text(output, page)
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror or error}") from error
    for note in found.notes:
        say(note)
    say(f"written: {output}, with {counted_networks(len(found.points))}; {exact(found.fit)} fit")
