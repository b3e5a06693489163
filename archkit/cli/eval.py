"""`archkit eval`: tests the network of a run again, or a file of it, on its own test images or on others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.bench.data.sources import DOWNLOADS, SOURCES, check_source
from archkit.cli.eval_file import eval_file
from archkit.cli.ignored import refuse
from archkit.cli.interrupts import warnings_in_lines
from archkit.cli.mistakes import assessed, difference, show_mistakes
from archkit.cli.render import exact, json_line, say, show
from archkit.cli.training import Cache, Device
from archkit.errors import DataError
from archkit.export.formats import SUFFIXES
from archkit.files import is_there

if TYPE_CHECKING:
    from archkit.bench.train.evaluation import Answers
    from archkit.bench.train.results import Result, Score

__all__ = ["eval_command"]


def eval_command(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|FILE",
            help="The folder of a finished run, which `archkit bench` left, or a file that `archkit export`"
            " wrote of one.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            show_default="the run's, if it has a name",
            help=f"{', '.join(DOWNLOADS)}, shapes, or a folder with images in DIR/test/CLASS.",
        ),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Take all test images, even if the run was tested on a part.")
    ] = False,
    resize: Annotated[
        bool, typer.Option("--resize", help="Scale images of another size to the network's input.")
    ] = False,
    device: Device = "auto",
    cache: Cache = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the score as one JSON object.")] = False,
) -> None:
    """Test the network of a run, or a file exported of it, and say what it gets wrong.

    On the images, the device and the versions of the run, it has as many
    images right as the run recorded. Which images are right is kept in the
    run's folder, for `archkit report --compare`. A file stands beside its run.

    Example: archkit eval runs/NAME --data DIR
    """
    there = is_there(run)
    if (there and run.is_file()) or (run.suffix in SUFFIXES and not there):
        refuse("goes with a RUN: a file says how many images its run was tested on", whole=whole)
        refuse("goes with a RUN: a file is tested on the CPU", device=None if device == "auto" else device)
        eval_file(run, data, resize=resize, cache=cache, as_json=as_json)
        return
    from archkit.bench.train.results import read_result

    result = read_result(run)
    source = data if data is not None else result.data.name
    if data is None and source not in SOURCES:
        raise typer.BadParameter(
            f"the run's images came from a folder called {source}: --data says where it is"
        )
    check_source(source, "test")

    from archkit.bench.data.dataset import part_checksum, part_subset
    from archkit.bench.data.load import load_test
    from archkit.bench.train.device import pick_device
    from archkit.bench.use.assess import assess
    from archkit.bench.use.trained import trained

    network = trained(run, device=pick_device(device), resize=True if resize else None)
    with warnings_in_lines(quiet=as_json):
        name, classes, part = load_test(
            source, cache=cache, input=network.prepare.input, resize=network.prepare.resize
        )
    if classes != result.data.classes:
        raise DataError(f"{name} has other classes than the run: {difference(classes, result.data.classes)}")
    recorded = result.data
    if not whole and len(part[1]) == recorded.whole_test > recorded.test:
        part = part_subset(part, recorded.test, len(classes))
    checksum = part_checksum(part)
    same = checksum == recorded.test_checksum
    answers = network.evaluate(part)
    flip = None if result.test_flip is None else network.evaluate(part, "flip").score
    six = None if result.test_six is None else network.evaluate(part, "six").score
    found = assess(answers, part[1], len(classes))
    _keep(run, answers, checksum, recorded.test_checksum)
    if as_json:
        scores = {"test": answers.score, "test_flip": flip, "test_six": six}
        json_line(
            {
                **{key: one and {"correct": one.correct, "total": one.total, "loss": one.loss}
                   for key, one in scores.items()},
                "recorded": result.test.correct, "same_images": same, "data": name, "folder": str(run),
                **assessed(found, classes),
            }
        )  # fmt: skip
        return
    _show(result, name, answers.score, flip, six, same=same)
    show_mistakes(found, classes)


def _keep(run: Path, answers: Answers, checksum: str, recorded: str | None) -> None:
    """Keeps which images are right, unless the folder says so already: what the run left is its record."""
    from archkit.bench.train.correct import Correct, correct_file, write_correct
    from archkit.files import replacing

    path = run / correct_file(checksum, recorded=recorded)
    if path.exists():
        return
    try:
        with replacing(path) as new:
            write_correct(new, Correct(right=answers.right, test_checksum=checksum))
    except OSError as error:
        say(f"which images are right is not kept: cannot write {path}: {error.strerror or error}")


def _show(
    result: Result, name: str, score: Score, flip: Score | None, six: Score | None, *, same: bool
) -> None:
    from rich.table import Table

    from archkit.cli.result import counted

    table = Table.grid(padding=(0, 2))
    table.add_row("network", result.spec)
    low, high = score.interval
    table.add_row("test accuracy", f"{counted(score)}  (95% interval {low:.2%} to {high:.2%})")
    if flip is not None:
        table.add_row("  with flips", counted(flip))
    if six is not None:
        table.add_row("  six views", counted(six))
    table.add_row("recorded", f"{counted(result.test)}, {_against(result, score, same=same)}")
    table.add_row("data", f"{name}, {exact(score.total)} test images")
    show(table)


def _against(result: Result, score: Score, *, same: bool) -> str:
    """What the two counts have to do with each other."""
    if not same:
        return "on other images"
    if score.correct == result.test.correct:
        return "the same images and the same count"
    env = result.environment
    return f"on the same images, with {env.device}, {env.precision}, torch {env.torch}, {env.threads} threads"
