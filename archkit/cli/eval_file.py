"""`archkit eval FILE`: tests an exported file, and puts its accuracy beside that of its run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from archkit.bench.data.sources import check_source
from archkit.cli.interrupts import warnings_in_lines
from archkit.cli.mistakes import assessed, difference, show_mistakes
from archkit.cli.render import exact, json_line, show
from archkit.errors import DataError

if TYPE_CHECKING:
    from archkit.bench.train.results import Score
    from archkit.export import About

__all__ = ["eval_file"]


def eval_file(path: Path, data: str | None, *, resize: bool, cache: Path | None, as_json: bool) -> None:
    """Tests a file on the test images of a data set.

    Where the run was tested on a part of them, so is the file.

    Raises:
        DataError: it is no exported file of a run, or the images are not those of its classes.
    """
    if data is None:
        raise typer.BadParameter("which images a file is tested on is said by --data")
    check_source(data, "test")

    from archkit.bench.data.dataset import part_checksum, part_subset
    from archkit.bench.data.load import load_test
    from archkit.bench.use.assess import assess
    from archkit.bench.use.exported import trained_file

    network = trained_file(path, resize=True if resize else None)
    about, classes = network.about, network.classes
    with warnings_in_lines(quiet=as_json):
        name, found, part = load_test(
            data, cache=cache, input=network.prepare.input, resize=network.prepare.resize
        )
    if found != classes:
        raise DataError(f"{name} has other classes than the run: {difference(found, classes)}")
    same = part_checksum(part) == about.test_checksum
    if not same and about.total is not None and len(classes) <= about.total < len(part[1]):
        fewer = part_subset(part, about.total, len(classes))
        if part_checksum(fewer) == about.test_checksum:
            part, same = fewer, True
    answers = network.evaluate(part)
    wrong = assess(answers, part[1], len(classes))
    if as_json:
        score = answers.score
        json_line(
            {
                "test": {"correct": score.correct, "total": score.total, "loss": score.loss},
                "recorded": about.correct, "same_images": same, "data": name, "file": str(path),
                **assessed(wrong, classes),
            }
        )  # fmt: skip
        return
    _show(path, about, name, answers.score, same=same)
    show_mistakes(wrong, classes)


def _show(path: Path, about: About, name: str, score: Score, *, same: bool) -> None:
    from rich.table import Table

    from archkit.cli.result import counted
    from archkit.cli.tally import percent

    table = Table.grid(padding=(0, 2))
    table.add_row("file", str(path))
    table.add_row("network", f"{about.spec}, weights {about.weights}")
    low, high = score.interval
    table.add_row("test accuracy", f"{counted(score)}  (95% interval {low:.2%} to {high:.2%})")
    if about.correct is not None and about.total is not None:
        share = f"{percent(about.correct, about.total)}  {exact(about.correct)} of {exact(about.total)}"
        table.add_row("its run", f"{share}, {_against(about.correct, score, same=same)}")
    table.add_row("data", f"{name}, {exact(score.total)} test images")
    show(table)


def _against(recorded: int, score: Score, *, same: bool) -> str:
    """What the two counts have to do with each other."""
    if not same:
        return "on other images"
    if score.correct == recorded:
        return "on the same images, and as many"
    more = score.correct - recorded
    return f"on the same images: the file has {exact(abs(more))} {'more' if more > 0 else 'fewer'} right"
