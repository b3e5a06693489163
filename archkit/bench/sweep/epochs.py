"""`epochs.csv`: a line for each epoch of a run, written as the run goes on and read by the reports."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from archkit.bench.train.results import EPOCHS_FILE, EpochRow, Score
from archkit.errors import DataError

__all__ = ["EpochTable", "epoch_table", "read_epochs"]

_COLUMNS: Final = (
    "epoch",
    "lr",
    "train_loss",
    "train_correct",
    "train_total",
    "validation_loss",
    "validation_correct",
    "validation_total",
    "seconds",
    "best",
)


class EpochTable:
    """The table while it is being written; everything in it can be read at any time."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._table: Any = csv.writer(file, lineterminator="\n")
        self._write(_COLUMNS)

    def add(self, *rows: EpochRow) -> None:
        """Adds a line for each epoch."""
        for row in rows:
            self._write(_cells(row))

    def _write(self, cells: tuple[object, ...]) -> None:
        self._table.writerow(cells)
        self._file.flush()


@contextmanager
def epoch_table(folder: Path) -> Iterator[EpochTable]:
    """A new table in a folder, open for the length of the block."""
    with (folder / EPOCHS_FILE).open("w", encoding="utf-8", newline="") as file:
        yield EpochTable(file)


def read_epochs(folder: Path) -> tuple[EpochRow, ...]:
    """The rows of a run's `epochs.csv`.

    Raises:
        DataError: it cannot be read, or is not a table of epochs.
    """
    path = folder / EPOCHS_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_row(cells) for cells in csv.DictReader(file, strict=True))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{path} is not the table of a run's epochs") from error


def _cells(row: EpochRow) -> tuple[object, ...]:
    """A line of the table; without validation its cells are empty."""
    score = row.validation
    validation = ("", "", "") if score is None else (score.loss, score.correct, score.total)
    return (
        row.epoch,
        row.lr,
        row.train_loss,
        row.train_correct,
        row.train_total,
        *validation,
        row.seconds,
        int(row.best),
    )


def _row(cells: dict[str, str]) -> EpochRow:
    """The inverse of `_cells`."""
    validation = None
    if cells["validation_total"]:
        validation = Score(
            correct=int(cells["validation_correct"]),
            total=int(cells["validation_total"]),
            loss=_finite(cells["validation_loss"]),
        )
    return EpochRow(
        epoch=int(cells["epoch"]),
        lr=_finite(cells["lr"]),
        train_loss=_finite(cells["train_loss"]),
        train_correct=int(cells["train_correct"]),
        train_total=int(cells["train_total"]),
        validation=validation,
        seconds=_finite(cells["seconds"]),
        best=bool(int(cells["best"])),
    )


def _finite(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):  # no run that is finished has one, and JSON cannot hold it
        raise ValueError(f"{cell} is not finite")
    return value
