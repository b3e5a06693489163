"""`find_runs`: the finished runs in some folders, and what is there that should be one and is not.

`without_weights`: which of the runs cannot be tested again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from archkit.bench.report.plausible import check
from archkit.bench.sweep.epochs import read_epochs
from archkit.bench.sweep.run import Finished
from archkit.bench.train.results import EPOCHS_FILE, RESULT_FILE, WEIGHTS_FILE, read_result
from archkit.errors import DataError
from archkit.files import is_folder, is_there

__all__ = ["find_runs", "without_weights"]


def find_runs(paths: Iterable[Path], *, merge: bool = False) -> tuple[tuple[Finished, ...], tuple[str, ...]]:
    """The runs in some folders and in the folders inside them, in the order of their names.

    Args:
        paths: folders of runs, or runs themselves.
        merge: whether they are shards, in which the same run must have come out alike.

    Returns:
        The finished runs, each key once; and a sentence for every run that is skipped because it is
        unfinished or damaged, or because its figures cannot be true.

    Raises:
        DataError: a path is not a folder; or `merge`, and a run is there twice, and they differ.
    """
    runs: dict[str, Finished] = {}
    skipped: list[str] = []
    differing: list[str] = []
    for path in paths:
        if not is_folder(path):
            raise DataError(f"{path} is not a folder" if is_there(path) else f"there is no folder {path}")
        for folder in _run_folders(path):
            if not (folder / RESULT_FILE).exists():
                skipped.append(f"{folder} is unfinished")
                continue
            try:
                run = Finished(folder=folder, result=read_result(folder), rows=read_epochs(folder))
                if len(run.rows) != run.result.recipe.epochs:
                    raise DataError(
                        f"{folder / EPOCHS_FILE} has {len(run.rows)} epochs of {run.result.recipe.epochs}"
                    )
                check(run)
            except DataError as error:
                skipped.append(str(error))
            except (RecursionError, OverflowError) as error:  # brackets without end, numbers without end
                skipped.append(f"{folder / RESULT_FILE} is not the result of a run: {error}")
            else:
                first = runs.setdefault(run.result.key, run)
                if merge and _outcome(first) != _outcome(run):
                    differing.append(f"{first.folder} and {run.folder} are the same run and differ")
    if differing:
        more = f"; and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise DataError(differing[0] + more)
    return tuple(runs.values()), tuple(skipped)


def _outcome(run: Finished) -> tuple[object, ...]:
    """What a run comes to wherever it is carried out: everything but times and places."""
    result = run.result
    scores = (
        result.validation,
        result.test,
        result.validation_flip,
        result.test_flip,
        result.validation_six,
        result.test_six,
    )
    return result.epoch, scores, [(row.train_correct, row.validation) for row in run.rows]


def without_weights(runs: Iterable[Finished]) -> tuple[Path, ...]:
    """The folders of the runs whose weights are gone, as where only the figures were passed on.

    Such a run's record is whole, but nobody can test its network again.
    """
    return tuple(run.folder for run in runs if not _holds_something(run.folder / WEIGHTS_FILE))


def _holds_something(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _run_folders(path: Path) -> Iterator[Path]:
    """The folders that have a result or a table of epochs; what is inside them belongs to them."""
    linked: set[str] = set()
    for at, folders, files in os.walk(path, followlinks=True):
        folders.sort()
        if Path(at).is_symlink():
            to = os.path.realpath(at)
            if to in linked or Path(os.path.realpath(Path(at).parent)).is_relative_to(to):
                folders.clear()  # it has been walked, or leads back up
                continue
            linked.add(to)
        if RESULT_FILE in files or EPOCHS_FILE in files:
            folders.clear()
            yield Path(at)
