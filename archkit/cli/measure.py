"""`archkit measure`: what every block of a space takes on a device, as a table for `--latency`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from archkit.cli.ignored import one_of, refuse
from archkit.cli.limits import Force, Named, Space, chosen_space
from archkit.cli.networks import cell
from archkit.cli.render import exact, json_line, new_table, say, show
from archkit.cli.stopping import when_stopped
from archkit.cli.working import working
from archkit.errors import BudgetError, OutputError, unknown
from archkit.files import is_there

if TYPE_CHECKING:
    from archkit.measure.blocks import Additivity
    from archkit.spec import SearchSpace

__all__ = ["measure_command"]

_PLACES: Final = ("torch-cpu", "onnxruntime", "torch-cuda", "tflite")
_ON: Final = "torch-cpu"
_NETWORKS: Final = 20
_UNIT: Final = "latency_ms"
_BUSY: Final = 0.1  # a spread that only other programs cause
_DECIMALS: Final = 6  # of a millisecond: a nanosecond, which is finer than any clock


def measure_command(
    space: Space = None,
    named: Named = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="PLACE", show_default=_ON, help=f"Where: {', '.join(_PLACES)}."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, show_default="1", help="Images that go through at once.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, show_default="1", help="Threads of the CPU.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="TABLE",
            help="Write the table (CSV), and beside it what it was measured with (JSON).",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="TABLE",
            help="Time whole networks of the space against their sums by a table measured before.",
        ),
    ] = None,
    networks: Annotated[
        int | None,
        typer.Option(min=1, show_default=str(_NETWORKS), help="How many networks --check draws fairly."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, show_default="0", help="Seed of that draw.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result of --check as JSON.")] = False,
    force: Force = False,
) -> None:
    """Time every block that a space can have, for `--latency` of enumerate, solve and count.

    The medians of repeated runs, each shape of block once. With --check, draw networks of the space,
    time them whole, and say how well the sums of their blocks agree.

    Example: archkit measure "[1..4]*3x[16..64:16]" -o latency.csv
    """
    from archkit.budget import read_space_and_budget

    one_of(output=output, check=check)
    if check is None:
        refuse("goes with --check", networks=networks, seed=seed, json=as_json)
    else:
        refuse("does not go with --check, which measures as the table was measured", on=on, batch=batch)
        refuse("does not go with --check, which measures as the table was measured", threads=threads)
        refuse("goes with --output", force=force)
    if output is None and check is None:
        raise typer.BadParameter("give --output TABLE to measure, or --check TABLE")
    if on is not None and on not in _PLACES:
        raise BudgetError(unknown("place", on, _PLACES))
    searched, _ = read_space_and_budget(chosen_space(space, named), None, {})
    if output is not None:
        _measure(searched, on or _ON, batch or 1, threads or 1, output, force=force)
    elif check is not None:
        _check(searched, check, networks or _NETWORKS, seed or 0, as_json=as_json)


def _measure(space: SearchSpace, place: str, batch: int, threads: int, path: Path, *, force: bool) -> None:
    """Measure, and write the table and its record."""
    from statistics import median

    from archkit.budget import write_table
    from archkit.files import write_text

    record = _record(path)
    for file in (path, record):
        if is_there(file) and not force:
            raise OutputError(f"{file} is there already; --force replaces it")
    if path.suffix.lower() != ".csv" or not path.parent.is_dir():
        raise OutputError(f"{path}: a table is written as CSV, into a folder that is there")

    from archkit.measure.blocks import measure_blocks
    from archkit.measure.timers import state

    before = state(place)
    with when_stopped(f"{path} was not written"), working("measuring blocks") as tell:
        found = measure_blocks(space, place, batch=batch, threads=threads, watch=tell)
    after = state(place)
    write_table(path, [one.piece for one in found], _UNIT, (f"{one.ms:.{_DECIMALS}f}" for one in found))
    spread = median(one.spread for one in found)
    measured = {
        **before,
        "load_after": after["load"],
        "space": str(space),
        "batch": batch,
        "threads": threads,
        "blocks": len(found),
        "median_spread": round(spread, 4),
    }
    try:
        write_text(record, json.dumps(measured, indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{record} cannot be written: {error.strerror or error}") from error
    show(
        f"{exact(len(found))} blocks written to {path}, on {place} ({before['device']}).",
        f"The middle round of half of them was within {spread:.1%} of the best; {record} has the details.",
    )
    if spread > _BUSY:
        say("the machine was busy: measure again when nothing else runs on it")


def _record(path: Path) -> Path:
    """The file beside a table that says what it was measured with."""
    return path.with_suffix(".json")


def _check(space: SearchSpace, path: Path, networks: int, seed: int, *, as_json: bool) -> None:
    """Time whole networks, and print how they compare with the table."""
    from archkit.budget import read_table

    table = read_table(path, name="latency")
    if table.unit != "ms":
        raise BudgetError(f"{path} is no table of milliseconds: its costs have no column latency_ms")
    record = _record(path)
    try:
        how: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        place, batch, threads = how["on"], how["batch"], how["threads"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BudgetError(f"{record}, which says how {path} was measured, cannot be read") from None

    from archkit.measure.blocks import check_additivity

    with when_stopped("nothing was kept"), working("timing networks") as tell:
        found = check_additivity(
            space, table, place, networks, batch=batch, threads=threads, seed=seed, watch=tell
        )
    if as_json:
        json_line(_as_json(found))
    else:
        _show(found)


def _as_json(found: Additivity) -> dict[str, Any]:
    return {
        "networks": [
            {"spec": spec, "by_table_ms": by_table, "whole_ms": whole}
            for spec, by_table, whole in found.networks
        ],
        "within_10_percent": found.within(),
        "factor": found.line()[0],
        "more_ms": found.line()[1],
        "within_10_percent_corrected": found.within(found.line()),
        "within_10_percent_held_out": found.held_out(),
    }


def _show(found: Additivity) -> None:
    figures = ("by the table, ms", "whole, ms", "whole / table")
    factor, more = found.line()
    held_out = found.held_out()
    table = new_table("spec", *figures, right=figures)
    for spec, by_table, whole in found.networks:
        table.add_row(spec, cell(by_table), cell(whole), f"{whole / by_table:.3f}")
    show(
        table,
        "",
        f"{found.within():.0%} of the sums are within 10% of what the whole network takes.",
        f"As {factor:.3f} x the sum {more:+.3f} ms, which fits best: {found.within((factor, more)):.0%}.",
        *([f"Fitted to every second network, the others: {held_out:.0%}."] if held_out is not None else []),
    )
