"""`archkit tune`: a search over fields of a recipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from archkit.bench.data.sources import DOWNLOADS, check_source
from archkit.cli.interrupts import warnings_in_lines
from archkit.cli.progress import watching_runs
from archkit.cli.render import json_line, new_table, say, show
from archkit.cli.training import Cache, Device
from archkit.errors import RunError

if TYPE_CHECKING:
    from archkit.bench.sweep.run import Run
    from archkit.bench.sweep.tune import Tried
    from archkit.bench.train.events import Watch

__all__ = ["tune_command"]

_SHOWN: Final = 10


def tune_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.toml",
            help="The network, the recipe and the fields that are searched; see docs/tune.md.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            show_default="the file's",
            help=f"{', '.join(DOWNLOADS)}, shapes, or a folder of images.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, show_default="the file's", help="How many recipes are tried in all.")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder of the runs, and of the record of the trials."),
    ] = Path("tune"),
    resize: Annotated[
        bool, typer.Option("--resize", help="Scale images of another size to the network's input=CxHxW.")
    ] = False,
    device: Device = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=1024, show_default="measured", help="Threads of the CPU for each run."),
    ] = None,
    cache: Cache = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each trial as one JSON object, one a line.")
    ] = False,
) -> None:
    """Search fields of a recipe by Optuna's TPE, by the accuracy on images set apart.

    Each trial is an ordinary run, which `archkit report` reads. With the
    table `halving` in the file, runs that do badly are stopped early and leave a
    checkpoint. The same command goes on where it was stopped.

    Example: archkit tune mine.toml --trials 50
    """
    from archkit.bench.sweep.tune_file import load_tuning

    try:
        tuning = load_tuning(file, trials=trials)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error
    source = data if data is not None else tuning.data
    check_source(source, "train", "test")

    from archkit.bench.data.load import load_data
    from archkit.bench.sweep.conduct import Conduct
    from archkit.bench.sweep.run import asked_input
    from archkit.bench.sweep.tune import tune
    from archkit.bench.train.device import pick_device
    from archkit.spec import parse

    conduct = Conduct(
        device=pick_device(device),
        root=out,
        resume=True,
        threads=threads if threads is not None else None if "OMP_NUM_THREADS" in os.environ else "auto",
    )
    ended: list[Tried] = []
    with (
        warnings_in_lines(quiet=quiet),
        watching_runs(tuning.trials, quiet=quiet) as progress,
    ):
        asked = asked_input(tuning.spec, parse(tuning.spec))
        images = load_data(source, cache=cache, input=asked, resize=resize).subset(
            train=tuning.train_size, test=tuning.test_size
        )

        @contextmanager
        def watch(number: int, run: Run, folder: Path) -> Iterator[Watch]:  # noqa: ARG001 - a WatchRun's
            values = {name: _value(run, name) for name in tuning.search}
            with progress.run(number, _written(values)) as watching:
                yield watching

        try:
            for one in tune(tuning, images, conduct, watch=watch):
                ended.append(one)
                if as_json:
                    json_line(_mapping(one, out))
                    sys.stdout.flush()
                elif one.error is not None:
                    progress.say(f"failed: {one.error}", one.number)
        except BaseException:
            progress.say("the same command goes on from here")
            raise
    best = _best(ended)
    if not best:
        raise RunError("every trial failed")
    if not as_json:
        _show(best, ended)


def _best(ended: list[Tried]) -> list[Tried]:
    """What was reached with each run, the best first; a run that was taken up counts once."""
    latest = {one.folder: one for one in ended if one.accuracy is not None}
    return sorted(latest.values(), key=lambda one: (one.state != "done", -(one.accuracy or 0.0)))


def _show(best: list[Tried], ended: list[Tried]) -> None:
    names = list(best[0].values)
    table = new_table("validation", "epochs", *names, "folder", right=("validation", "epochs"))
    for one in best[:_SHOWN]:
        cells = [_plain(one.values.get(name)) for name in names]
        state = "" if one.state == "done" else " (stopped)"
        table.add_row(f"{one.accuracy:.2%}", f"{one.epochs}{state}", *cells, str(one.folder))
    show(table)
    failed = sum(one.state == "failed" for one in ended)
    stopped = sum(one.state == "stopped" for one in best)
    say(f"{len(best)} recipes tried, {stopped} of them stopped early; {failed} trials failed")
    say("the best: " + " ".join(f"--set {name}={_plain(value)}" for name, value in best[0].values.items()))


def _mapping(one: Tried, root: Path) -> dict[str, Any]:
    folder = None if one.folder is None else str(root / one.folder)
    return {
        "trial": one.number,
        "state": one.state,
        "validation": one.accuracy,
        "epochs": one.epochs,
        "values": one.values,
        "folder": folder,
        "error": one.error,
    }


def _value(run: Run, name: str) -> Any:
    at: Any = run.recipe
    for part in name.split("."):
        at = getattr(at, part)
    return at


def _written(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
