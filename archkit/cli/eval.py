"""`archkit eval`: tests the network of a finished run again, on its own test images or on others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.bench.data.sources import DOWNLOADS, SOURCES, check_source
from archkit.cli.interrupts import warnings_in_lines
from archkit.cli.render import exact, json_line, new_table, say, show
from archkit.cli.training import Cache, Device
from archkit.errors import DataError

if TYPE_CHECKING:
    from archkit.bench.train.evaluation import Answers
    from archkit.bench.train.results import Result, Score
    from archkit.bench.use.assess import Assessment

__all__ = ["eval_command"]

_WHOLE_TABLE = 12  # classes whose confusion matrix fits on a terminal


def eval_command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a finished run, which `archkit bench` left.")
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
    """Test the network of a finished run again, and say what it gets wrong.

    On the images, the device and the versions of the run, it has as many
    images right as the run recorded. Which images are right is kept in the
    run's folder, for `archkit report --compare`.

    Example: archkit eval runs/NAME --data DIR
    """
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
        raise DataError(f"{name} has other classes than the run: {_difference(classes, result.data.classes)}")
    recorded = result.data
    if not whole and len(part[1]) == recorded.whole_test > recorded.test:
        part = part_subset(part, recorded.test, len(classes))
    checksum = part_checksum(part)
    same = checksum == recorded.test_checksum
    answers = network.evaluate(part)
    flip = None if result.test_flip is None else network.evaluate(part, flip=True).score
    found = assess(answers, part[1], len(classes))
    _keep(run, answers, checksum, recorded.test_checksum)
    if as_json:
        scores = {"test": answers.score, "test_flip": flip}
        json_line(
            {
                **{key: one and {"correct": one.correct, "total": one.total, "loss": one.loss}
                   for key, one in scores.items()},
                "recorded": result.test.correct, "same_images": same, "data": name, "folder": str(run),
                **_assessed(found, classes),
            }
        )  # fmt: skip
        return
    _show(result, name, answers.score, flip, same=same)
    _show_mistakes(found, classes)


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


def _assessed(found: Assessment, classes: tuple[str, ...]) -> dict[str, object]:
    """What is wrong, for `--json`."""
    each = zip(classes, found.images, found.correct, found.chosen, strict=True)
    return {
        "classes": [
            {"class": name, "images": images, "correct": correct, "chosen": chosen}
            for name, images, correct, chosen in each
        ],
        "confusion": found.confusion.tolist(),
        "calibration_error": found.calibration_error,
        "nll": found.nll,
    }


def _show_mistakes(found: Assessment, classes: tuple[str, ...]) -> None:
    """Prints the calibration, and each class with what it is taken for."""
    from archkit.bench.use.assess import BINS
    from archkit.cli.progress import percent

    show(
        f"calibration    error {found.calibration_error:.2%} (ECE, {BINS} bins), negative log-likelihood"
        f" {found.nll:.4f}",
        "",
    )
    if len(classes) <= _WHOLE_TABLE:
        heads = tuple(str(at) for at in range(len(classes)))
        table = new_table("class", "", "accuracy", *heads, right=("accuracy", *heads))
        for at, (name, images, correct) in enumerate(zip(classes, found.images, found.correct, strict=True)):
            share = percent(correct, images) if images else "-"
            table.add_row(name, str(at), share, *(str(n) if n else "." for n in found.confusion[at]))
        show(table, "", "A row has the images of one class, a column those that are taken for it.")
        return
    worst = sorted(
        (at for at, images in enumerate(found.images) if images),
        key=lambda at: found.correct[at] / found.images[at],
    )
    table = new_table("least accurate", "accuracy", "images", right=("accuracy", "images"))
    for at in worst[:_WHOLE_TABLE]:
        table.add_row(classes[at], percent(found.correct[at], found.images[at]), exact(found.images[at]))
    pairs = new_table("class", "taken for", "images", right=("images",))
    for one, other, count in found.mistakes()[:_WHOLE_TABLE]:
        pairs.add_row(classes[one], classes[other], exact(count))
    show(table, "", pairs, "", f"--json has all {len(classes)} classes and the whole confusion matrix.")


def _show(result: Result, name: str, score: Score, flip: Score | None, *, same: bool) -> None:
    from rich.table import Table

    from archkit.cli.result import counted

    table = Table.grid(padding=(0, 2))
    table.add_row("network", result.spec)
    low, high = score.interval
    table.add_row("test accuracy", f"{counted(score)}  (95% interval {low:.2%} to {high:.2%})")
    if flip is not None:
        table.add_row("  with flips", counted(flip))
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


def _difference(came: tuple[str, ...], known: tuple[str, ...]) -> str:
    """The first class that one has and the other has not."""
    for one in came:
        if one not in known:
            return f"{one!r} is none of the run's"
    for one in known:
        if one not in came:
            return f"{one!r} is missing"
    return "they are in another order"
