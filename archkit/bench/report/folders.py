"""`find_runs`: the finished runs under some folders, and what else lies there that should be one."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archkit.bench.results import EPOCHS_FILE, RESULT_FILE, EpochRow, Result, Score, read_result
from archkit.errors import DataError

__all__ = ["Run", "find_runs", "read_epochs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it lies.
        result: what it came to.
        rows: its epochs.
    """

    folder: Path
    result: Result
    rows: tuple[EpochRow, ...]


def find_runs(paths: Iterable[Path]) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """The runs in folders and in the folders within them, in the order of their names.

    Args:
        paths: folders of runs, or runs themselves.

    Returns:
        The finished runs, each key once; and a sentence for every folder of a run that is skipped because
        it is unfinished or damaged.

    Raises:
        DataError: a path is no folder.
    """
    runs: dict[str, Run] = {}
    skipped: list[str] = []
    for path in paths:
        if not path.is_dir():
            raise DataError(f"{path} is not a folder" if path.exists() else f"there is no folder {path}")
        for folder in _run_folders(path):
            if not (folder / RESULT_FILE).exists():
                skipped.append(f"{folder} is unfinished")
                continue
            try:
                run = Run(folder=folder, result=read_result(folder), rows=read_epochs(folder))
                if len(run.rows) != run.result.recipe.epochs:
                    raise DataError(
                        f"{folder / EPOCHS_FILE} has {len(run.rows)} epochs of {run.result.recipe.epochs}"
                    )
            except DataError as error:
                skipped.append(str(error))
            else:
                runs.setdefault(run.result.key, run)
    return tuple(runs.values()), tuple(skipped)


def read_epochs(folder: Path) -> tuple[EpochRow, ...]:
    """The rows of a run's `epochs.csv`.

    Raises:
        DataError: it cannot be read, or is no table of epochs.
    """
    path = folder / EPOCHS_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_row(cells) for cells in csv.DictReader(file, strict=True))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{path} is not the table of a run's epochs") from error


def _run_folders(path: Path) -> Iterator[Path]:
    """Folders with a result or a table of epochs; what lies within them is theirs."""
    for at, folders, files in os.walk(path):
        folders.sort()
        if RESULT_FILE in files or EPOCHS_FILE in files:
            folders.clear()
            yield Path(at)


def _row(cells: dict[str, str]) -> EpochRow:
    validation = None
    if cells["validation_total"]:
        validation = Score(
            correct=int(cells["validation_correct"]),
            total=int(cells["validation_total"]),
            loss=float(cells["validation_loss"]),
        )
    return EpochRow(
        epoch=int(cells["epoch"]),
        lr=float(cells["lr"]),
        train_loss=float(cells["train_loss"]),
        train_correct=int(cells["train_correct"]),
        train_total=int(cells["train_total"]),
        validation=validation,
        seconds=float(cells["seconds"]),
        best=bool(int(cells["best"])),
    )
