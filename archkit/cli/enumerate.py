"""`archkit enumerate`: the networks of a space that fit a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.limits import BudgetPath, Space, read_space_and_budget, takes_limits, why_nothing_fits
from archkit.cli.render import exact, json_line, new_table, show
from archkit.cli.working import Tell, working

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archkit.budget import Budget, Candidate, Estimate, Objective
    from archkit.budget.listing import Chunk
    from archkit.spec import SearchSpace

__all__ = ["enumerate_command"]

_SHOWN = 20
_BAR = 40  # columns of the longest bar of a histogram
_WALKED = 2_000_000  # networks among which the largest are found by looking at each


@takes_limits
def enumerate_command(
    limits: dict[str, str],
    space: Space = None,
    budget_path: BudgetPath = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "--top", min=0, help=f"How many to list, the first; {_SHOWN} by default."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            help="The largest of this come first: params (the default), macs, activations, depth, "
            "training-memory or peak-memory; the smallest with least-params and so on. "
            "A whole list that is sorted is held in memory.",
        ),
    ] = None,
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

    The largest by parameters come first. With --output or --json, and neither
    --limit nor --sort, all of them as a stream in the order of the space: by
    options, then number of stages, then width and blocks of the first stage,
    of the second, and so on, all ascending.
    """
    from archkit.budget import Objective, candidates, largest, sample, write_candidates
    from archkit.budget.listing import chunks
    from archkit.budget.output import check_output, write_chunks

    searched, budget = read_space_and_budget(space, budget_path, limits)
    order = Objective.read_figure(sort or "params", option="--sort")
    if output is not None:
        check_output(output)
    if count:
        _count(searched, budget, as_json=as_json)
        return
    rows: Iterable[Candidate]
    to_table = output is None and not as_json
    with working("listing", quiet=output is None and as_json) as tell:
        if sample_size is not None:
            rows = sample(searched, budget, sample_size, seed=seed)
        elif to_table:
            _show_first(searched, budget, _SHOWN if limit is None else limit, order)
            return
        elif limit is not None:
            rows, _ = _first(searched, budget, limit, order)
        elif sort is not None:
            rows, _ = largest(searched, budget, None, by=order.name, least=not order.most)
        elif output is not None:
            _say_written(write_chunks(_told(chunks(searched, budget), tell), output), output)
            return
        else:
            rows = candidates(searched, budget)
        if output is not None:
            _say_written(write_candidates(rows, output), output)
        elif as_json:
            for row in rows:
                json_line(row._asdict())
        else:
            _show_table(tuple(rows))


def _told(chunks: Iterable[Chunk], tell: Tell) -> Iterator[Chunk]:
    """The same chunks; `tell` hears how many networks have passed."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        tell(done, None)


def _say_written(written: int, path: Path) -> None:
    show(f"{exact(written)} networks written to {path}")


def _size(space: SearchSpace) -> str:
    size = space.size()
    return "without end" if size is None else f"{exact(size)} networks"


def _within(found: int | Estimate) -> str:
    if isinstance(found, int):
        return f"{exact(found)} within the budget."
    return (
        f"{exact(found.low)} to {exact(found.high)} within the budget (99.9%; not exact: {found.hits:,} of "
        f"{found.draws:,} fair draws from the {exact(found.most)} that keep to one limit keep to all)."
    )


def _first(
    space: SearchSpace, budget: Budget, n: int, order: Objective
) -> tuple[tuple[Candidate, ...], int | Estimate]:
    """The first `n` in an order, and how many there are in all."""
    from archkit.budget import count_or_estimate, largest, solve

    size = space.size()
    if size is None or size > _WALKED:
        many = count_or_estimate(space, budget)
        if not isinstance(many, int) or many > _WALKED:
            # Too many to look at each: the proof that no other comes before them is found without.
            best = solve(space, budget, order, n)
            if not best.exact:
                show(best.proof())
            return tuple(row.network for row in best.networks), many
    return largest(space, budget, n, by=order.name, least=not order.most)


def _show_first(space: SearchSpace, budget: Budget, n: int, order: Objective) -> None:
    best, within = _first(space, budget, n, order)
    show(f"Space: {space}, {_size(space)}; {_within(within)}")
    _show_why_none(space, budget, within)
    _show_table(best)
    if not isinstance(within, int) or within > len(best):
        word = "largest" if order.most else "smallest"
        show("", f"The {len(best)} {word}; --limit, --json or --output FILE give the rest.")


def _count(space: SearchSpace, budget: Budget, *, as_json: bool) -> None:
    from dataclasses import asdict

    from archkit.budget import count_or_estimate, histogram

    with working("counting"):
        within = count_or_estimate(space, budget)
        shown = isinstance(within, int) and within and not as_json and budget.limited()
        bins = histogram(space, budget) if shown else ()
    if as_json:
        found = {"space": str(space), "size": space.size()}
        if isinstance(within, int):
            json_line({**found, "within": within})
        else:
            json_line({**found, "within": None, "estimate": asdict(within)})
        return
    show(f"Space: {space}, {_size(space)}; {_within(within)}")
    _show_why_none(space, budget, within)
    if not bins:
        return
    most = max(n for _, _, n in bins)
    table = new_table("parameters", "networks", "", right=("parameters", "networks"))
    for low, high, n in bins:
        # Integers, since counts can pass what a float holds.
        table.add_row(f"{exact(low)} to {exact(high)}", exact(n), "█" * (n * _BAR // most))
    show("", table)


def _show_why_none(space: SearchSpace, budget: Budget, within: int | Estimate) -> None:
    if isinstance(within, int) and not within:
        for reason in why_nothing_fits(space, budget):
            show(f"Nothing fits: {reason}.")


def _show_table(rows: tuple[Candidate, ...]) -> None:
    if not rows:
        return
    columns = ("params", "MACs", "depth")
    table = new_table("spec", *columns, right=columns)
    for row in rows:
        table.add_row(row.spec, exact(row.params), exact(row.macs), exact(row.depth))
    show("", table)
