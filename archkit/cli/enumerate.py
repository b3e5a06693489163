"""`archkit enumerate`: the networks of a space that fit a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from archkit.cli.completion import sort_keys
from archkit.cli.count_space import show_count
from archkit.cli.ignored import one_of, refuse
from archkit.cli.limits import BudgetPath, Force, Named, Space, chosen_space, refuse_settings, takes_limits
from archkit.cli.networks import head_line, limited, network_table, nothing_fits
from archkit.cli.render import counted_networks, json_line, say, show
from archkit.cli.stopping import when_stopped
from archkit.cli.tables import write_form
from archkit.cli.working import Tell, working
from archkit.count.metrics import FIGURES, as_options
from archkit.files import LIST_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from archkit.budget import Budget, Candidate, CountEstimate, Objective
    from archkit.budget.listing import Chunk
    from archkit.budget.rows import Row
    from archkit.spec import SearchSpace

__all__ = ["enumerate_command"]

_SHOWN = 20
_T = TypeVar("_T")


@takes_limits
def enumerate_command(
    limits: dict[str, str],
    tables: dict[str, str],
    space: Space = None,
    named: Named = None,
    budget_path: BudgetPath = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "--top", min=0, help=f"How many to list; by default the first {_SHOWN}."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            autocompletion=sort_keys,
            help=f"Sort by one of {as_options(*FIGURES)}, largest first, or by least-params and so on, "
            "smallest first. By default params. A whole list that is sorted is held in memory as arrays.",
        ),
    ] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Only count them, with a histogram over parameters.")
    ] = False,
    sample_size: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="Draw this many, each network as likely as every other."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", show_default="0", help="Seed of --sample.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, one object per network.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=f"Write them all to a file, whose ending names the format: {', '.join(LIST_ENDINGS)}.",
        ),
    ] = None,
    form: Annotated[
        Path | None,
        typer.Option(
            "--table-template",
            metavar="FILE",
            help="Write all blocks that the space can have to a CSV file, to be filled in for --table.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """List the networks of a space that fit a budget, and say how many there are.

    Those with the most parameters come first, unless --sort says otherwise. With
    --output or --json, but neither --limit nor --sort, all are listed as a stream
    in the order of the space: by options, then number of stages, then width and
    blocks of the first stage, of the second, and so on, all ascending.

    Example: archkit enumerate --max-params 5M --limit 3
    """
    from archkit.budget import Objective, read_space_and_budget
    from archkit.budget.output import check_output

    if count:
        ignored = "does not go with --count"
        refuse(ignored, limit=limit, sort=sort, sample=sample_size, output=output)
    if sample_size is None:
        refuse("goes with --sample", seed=seed)
    else:
        refuse("does not go with --sample", limit=limit, sort=sort)
    one_of(json=as_json, output=output)
    if output is None and form is None:
        refuse("goes with --output and --table-template", force=force)
    searched, budget = read_space_and_budget(chosen_space(space, named), budget_path, limits, tables=tables)
    if form is not None:
        alone = "does not go with --table-template"
        refuse(alone, limit=limit, sort=sort, count=count, sample=sample_size, json=as_json, output=output)
        write_form(searched, form, force=force)
        return
    order = Objective.read_figure(sort or "params", option="--sort", tables=budget.names)
    refuse_settings(limits, budget, order.name)
    if output is not None:
        check_output(output, force=force)
    if count:
        show_count(searched, budget, as_json=as_json)
    elif sample_size is None and output is None and not as_json:
        _show_first(searched, budget, _SHOWN if limit is None else limit, order)
    elif sample_size is None and limit is None and sort is None:
        _stream(searched, budget, output)
    elif sample_size is None and limit is None:
        _sorted(searched, budget, order, output)
    else:
        quiet = output is None and as_json
        rows = _rows(
            searched, budget, order, sample_size=sample_size, seed=seed or 0, limit=limit, quiet=quiet
        )
        _put(rows, budget, order, output, as_json=as_json)


def _rows(
    space: SearchSpace,
    budget: Budget,
    order: Objective,
    *,
    sample_size: int | None,
    seed: int,
    limit: int | None,
    quiet: bool,
) -> list[Row]:
    """The networks of a short list: a sample, or the first in an order.

    Raises:
        NothingFitsError: there are none, although some were asked for.
    """
    from archkit.budget import sample
    from archkit.budget.rows import rows_of
    from archkit.errors import NothingFitsError

    with working("listing", quiet=quiet):
        if sample_size is not None:
            try:
                return list(rows_of(sample(space, budget, sample_size, seed=seed), budget, order.name))
            except NothingFitsError:
                found = []
        else:
            found = list(rows_of(_first(space, budget, limit or 0, order)[0], budget, order.name))
    if not found and limit != 0:
        nothing_fits(space, budget)
    return found


def _put(rows: list[Row], budget: Budget, order: Objective, output: Path | None, *, as_json: bool) -> None:
    """Write a list to a file, or print it."""
    from archkit.budget.output import figures, write_rows
    from archkit.budget.rows import columns

    names = columns(budget, order.name)
    if output is not None:
        _write(output, lambda _tell: write_rows(rows, figures(names, budget.with_decimals), output))
    elif as_json:
        _print_lines(rows, names)
    else:
        show("", network_table(names, rows, limited(budget, order.name), budget))


def _stream(space: SearchSpace, budget: Budget, output: Path | None) -> None:
    """List every network in the order of the space: into a file, or as JSON lines.

    Raises:
        NothingFitsError: there are none; no file is written then.
    """
    from archkit.budget.listing import chunks
    from archkit.budget.output import write_chunks
    from archkit.budget.rows import columns, further, rows_of_chunks

    extra = further(budget)
    found = _some(chunks(space, budget, also=extra), space, budget)
    if output is None:
        _print_lines(rows_of_chunks(found, extra), columns(budget))
    else:
        floats = budget.with_decimals
        _write(
            output,
            lambda tell: write_chunks(_told(found, tell), output, extra=extra, with_decimals=floats),
        )


def _sorted(space: SearchSpace, budget: Budget, order: Objective, output: Path | None) -> None:
    """List every network in the order of a figure: into a file, or as JSON lines.

    Raises:
        NothingFitsError: there are none; no file is written then.
    """
    from archkit.budget.output import figures, write_batches
    from archkit.budget.rows import columns
    from archkit.budget.sorting import rows_of_batches, sorted_batches

    names = columns(budget, order.name)
    batches = _some(sorted_batches(space, budget, order), space, budget)
    if output is None:
        _print_lines(rows_of_batches(batches), names)
    else:
        _write(output, lambda _tell: write_batches(batches, figures(names, budget.with_decimals), output))


def _some(found: Iterator[_T], space: SearchSpace, budget: Budget) -> Iterator[_T]:
    """The same; if there are none, what would let some in is said."""
    empty = True
    for one in found:
        empty = False
        yield one
    if empty:
        nothing_fits(space, budget)


def _told(chunks: Iterable[Chunk], tell: Tell) -> Iterator[Chunk]:
    """The same chunks; `tell` is told how many networks have passed."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        tell(done, None)


def _write(path: Path, write: Callable[[Tell], int]) -> None:
    """Write a file, which appears only once it is whole, and say how many networks are in it."""
    kept = "is as it was" if path.exists() else "was not written"
    with when_stopped(f"{path} {kept}"), working("listing") as tell:
        written = write(tell)
    show(f"{counted_networks(written)} written to {path}")


def _print_lines(rows: Iterable[Row], names: tuple[str, ...]) -> None:
    with when_stopped("the list is not complete"):
        for row in rows:
            json_line(dict(zip(names, row, strict=True)))


def _first(
    space: SearchSpace, budget: Budget, n: int, order: Objective
) -> tuple[tuple[Candidate, ...], int | CountEstimate]:
    """The first `n` networks in an order, and how many there are in all; a doubt is said."""
    from archkit.budget import first

    found = first(space, budget, order, n)
    if found.doubt is not None:
        say(found.doubt)
    return found.networks, found.within


def _show_first(space: SearchSpace, budget: Budget, n: int, order: Objective) -> None:
    from archkit.budget.rows import columns, rows_of

    with working("listing"):
        best, within = _first(space, budget, n, order)
    show(head_line(space, within))
    if best:
        rows = rows_of(best, budget, order.name)
        show("", network_table(columns(budget, order.name), rows, limited(budget, order.name), budget))
    elif n or within == 0:
        nothing_fits(space, budget)
    if not isinstance(within, int) or within > len(best):
        word = "largest" if order.most else "smallest"
        which = f"The {f'{len(best):,} ' if len(best) > 1 else ''}{word}; " if best else ""
        show("", f"{which}--limit, --json or --output FILE give {'the rest' if best else 'them'}.")
