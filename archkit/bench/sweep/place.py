"""Where a run is: its key, its folder, and whether it is there already. Needs no torch.

A run is found by its key, whatever it was called when it was made. Thousands of finished runs are so found in
a moment; what works in a folder is `archkit.bench.sweep.folder`.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Recipe
from archkit.bench.sweep.run import Finished, Run
from archkit.bench.train.correct import CORRECT_FILE
from archkit.bench.train.results import (
    EPOCHS_FILE,
    RESULT_FILE,
    WEIGHTS_FILE,
    Result,
    read_result,
    run_key,
)
from archkit.errors import ArchkitError, DataError, OutputError
from archkit.spec import ArchSpec, as_spec

__all__ = [
    "FINISHED_FILES",
    "adapt",
    "already_there",
    "default_folder",
    "finished",
    "folder_of",
    "foreign_files",
    "initial_key",
    "key_of",
    "missing",
    "partial_folder",
]

FINISHED_FILES: Final = frozenset({RESULT_FILE, EPOCHS_FILE, WEIGHTS_FILE, CORRECT_FILE})
"""What a finished run leaves."""

# What `archkit eval` leaves, on images of another set.
_OTHER_IMAGES: Final = re.compile(r"correct-[0-9a-f]{8}\.safetensors")
_EVENTS: Final = "events.out.tfevents."  # how the names of TensorBoard's files begin
_ENDING: Final = ".partial"

_NAMES_FOR_ONE: Final = 128  # of a folder of runs, that may be read again for one run that is looked up
_PATIENCE: Final = 1.0  # seconds after which it may be read again in any case
# Seconds in which a folder may change twice and show the same time; FAT has the coarsest.
_FINEST: Final = 2.0


def adapt(spec: ArchSpec | str, data: DataSet) -> ArchSpec:
    """The network with the data's image size and number of classes.

    Raises:
        SpecError: there is no such network for these images.
    """
    return _adapted(as_spec(spec), data.input, len(data.classes))


@lru_cache(maxsize=1024)
def _adapted(spec: ArchSpec, size: tuple[int, int, int], classes: int) -> ArchSpec:
    """Every run of a suite asks several times, and its networks are few."""
    return spec.replace(input=size, classes=classes)


def initial_key(folder: Path | None) -> str | None:
    """The key of the run with whose weights another begins; None for random ones.

    Raises:
        DataError: it is no folder of a finished run.
    """
    return None if folder is None else read_result(folder).key


def key_of(run: Run, data: DataSet) -> str:
    """The key of a run on some data.

    Raises:
        SpecError: there is no such network for these images.
        DataError: the run begins with the weights of one that is not there.
    """
    spec, init = adapt(run.spec, data), initial_key(run.init)
    return run_key(spec=str(spec), recipe=run.recipe, seed=run.seed, data=data.checksum, init=init)


def folder_of(run: Run, data: DataSet, root: Path, *, key: str | None = None) -> Path:
    """The folder of a run: its own, or one under `root` that is named after everything that decides it.

    Args:
        run: the run.
        data: the images.
        root: the folder for the folders of the runs.
        key: the run's, if it is known.

    Raises:
        SpecError: there is no such network for these images.
        DataError: the run begins with the weights of one that is not there.
    """
    adapt(run.spec, data)
    if run.folder is not None:
        return run.folder
    digits = key_of(run, data) if key is None else key
    return default_folder(root, run.label, run.recipe, data, seed=run.seed, key=digits)


def finished(run: Run, data: DataSet, root: Path) -> tuple[Path, Finished | None]:
    """The folder of a run; and the run, if it is there.

    Raises:
        SpecError: there is no such network for these images.
        DataError: the run begins with the weights of one that is not there.
        OutputError: the folder contains something else.
    """
    key = key_of(run, data)
    folder = folder_of(run, data, root, key=key)
    found = already_there(folder, key, force=False)
    return folder, None if found is None else Finished(folder=folder, result=found)


def missing(
    runs: Iterable[Run], data: DataSet, root: Path, *, force: bool
) -> Counter[tuple[ArchSpec, Recipe]]:
    """How many runs of each network with each recipe are to be carried out, without those that cannot be.

    Args:
        runs: the suite's.
        data: the images.
        root: the folder for the folders of the runs.
        force: whether those that are there are run again.
    """
    waiting: Counter[tuple[ArchSpec, Recipe]] = Counter()
    for run in runs:
        try:
            there = (folder_of(run, data, root) / RESULT_FILE).exists()
        except ArchkitError:  # it fails when it is its turn, and says why
            continue
        if force or not there:
            waiting[adapt(run.spec, data), run.recipe] += 1
    return waiting


def default_folder(root: Path, label: str, recipe: Recipe, data: DataSet, *, seed: int, key: str) -> Path:
    """The folder of a run under `root`: a name for people and eight digits of the run's key.

    A run that is already there under another label, finished or not, is found by its key.
    """
    digits = key[:8]
    there = _index(root).name(digits)
    if there is not None:
        return root / there
    words = "-".join([_file_name(label)[:48], _file_name(recipe.name), _file_name(data.name), f"s{seed}"])
    return root / f"{words}-{digits}"


class _Index:
    """The names of the runs' folders under a root by their last eight digits.

    Every run of a suite asks, and runs come and go meanwhile, ours and those of other processes. If the
    folder were read again after each change, a sweep of n runs would read n * n names. It is read again when
    it has changed and either so many runs have asked that the names to be read are few for each, or a second
    has passed. So a folder that another process makes under another label is not seen for a second at most;
    under the same label, claims decide (see `archkit.bench.sweep.claim`).
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, str] = {}
        self._read = 0  # names, last time
        self._asked = 0  # since then
        self._when = -float("inf")
        self._which: tuple[int, int] | None = None  # the folder that was read
        self._changed = 0
        self._settled = True

    def name(self, digits: str) -> str | None:
        """The name of the folder that ends in these digits; None if there is none."""
        self._asked += 1
        try:
            found = self._root.stat()
            late = time.monotonic() - self._when >= _PATIENCE
            few = self._asked * _NAMES_FOR_ONE >= self._read
            other = (found.st_dev, found.st_ino) != self._which
            changed = found.st_mtime_ns != self._changed or not self._settled
            if other or (changed and (late or few)):
                self._look(found)
        except OSError:  # it is made when the first run begins, or refused then
            return None
        return self._names.get(digits)

    def _look(self, now: os.stat_result) -> None:
        self._which, self._changed = (now.st_dev, now.st_ino), now.st_mtime_ns
        # What changes right after this may not change the time of the folder.
        self._settled = time.time() - now.st_mtime > _FINEST
        with os.scandir(self._root) as entries:
            names = sorted(entry.name for entry in entries if "-" in entry.name and entry.is_dir())
        self._names = {}
        for ending in ("", _ENDING):  # finished ones first, then by name
            for name in names:
                run = name.removesuffix(ending)
                if name.endswith(ending):
                    self._names.setdefault(run.rpartition("-")[2], run)
        self._read, self._asked, self._when = len(names), 0, time.monotonic()


@lru_cache(maxsize=8)
def _index(root: Path) -> _Index:
    return _Index(root)


def partial_folder(folder: Path) -> Path:
    """Where the run of `folder` works until it is finished."""
    return folder.with_name(folder.name + _ENDING)


def already_there(folder: Path, key: str, *, force: bool) -> Result | None:
    """The result of this run if it is in `folder` already and is not to be replaced; else None.

    Raises:
        OutputError: the folder contains something else.
    """
    if not folder.exists() and not folder.is_symlink():
        return None
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a run's folder")
    if not (folder / RESULT_FILE).exists():
        if any(folder.iterdir()):
            raise OutputError(f"{folder} holds something that is not a run; it is left alone")
        return None
    if force:
        foreign = foreign_files(folder, FINISHED_FILES)
        if foreign:
            raise OutputError(f"{folder} holds {foreign[0]}, which is not the run's; it is not replaced")
        return None
    try:
        result = read_result(folder)
    except DataError as error:
        raise OutputError(f"{error}; --force replaces it") from error
    if result.key != key:
        raise OutputError(
            f"{folder} holds another run ({result.spec}, recipe {result.recipe.name}, seed {result.seed});"
            " --force replaces it"
        )
    return result


def foreign_files(folder: Path, own: frozenset[str]) -> list[str]:
    """What is in a folder but does not belong to a run.

    Args:
        folder: the folder.
        own: the names of what the run itself writes.
    """
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in own
        and not path.name.startswith(_EVENTS)
        and _OTHER_IMAGES.fullmatch(path.name) is None
    )


def _file_name(text: str) -> str:
    """Text as a part of a file name: anything but letters, digits and dots becomes a dash."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "x"
