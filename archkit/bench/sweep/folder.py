"""The folder of a run: what it is called, who may work in it, and how it is finished.

A run works in a folder beside its own, `NAME.partial`, which becomes `NAME` when everything is written. While
it works, its process holds the claim `NAME.partial.lock`, see `archkit.bench.sweep.claim`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Recipe
from archkit.bench.sweep.claim import Claim, ClaimLostError, claimed
from archkit.bench.train.checkpoint import CHECKPOINT_FILE, Checkpoint, read_checkpoint
from archkit.bench.train.correct import CORRECT_FILE
from archkit.bench.train.results import EPOCHS_FILE, RESULT_FILE, WEIGHTS_FILE, Result, read_result
from archkit.bench.train.trainer import NotFiniteError
from archkit.errors import DataError, OutputError
from archkit.files import half_written

__all__ = [
    "RUN_FILES",
    "already_there",
    "default_folder",
    "finish",
    "partial_folder",
    "to_start_from",
    "working_folder",
]

_FINISHED: Final = frozenset({RESULT_FILE, EPOCHS_FILE, WEIGHTS_FILE, CORRECT_FILE})
RUN_FILES: Final = _FINISHED | {CHECKPOINT_FILE}
"""What a run itself writes, finished or not."""
_OTHER_IMAGES: Final = re.compile(
    r"correct-[0-9a-f]{8}\.safetensors"
)  # `archkit eval` on images of another set
_EVENTS: Final = "events.out.tfevents."  # how the names of TensorBoard's files begin
_SAFETENSORS_HALF: Final = re.compile(r"\.tmp[A-Za-z0-9]{6}")
"""What safetensors calls a file until it is whole; such a file stays if the process is killed meanwhile."""
_ENDING: Final = ".partial"


def default_folder(root: Path, label: str, recipe: Recipe, data: DataSet, *, seed: int, key: str) -> Path:
    """The folder of a run under `root`: a name for people and eight digits of the run's key.

    A run that is already there under another label, finished or not, is found by its key.
    """
    digits = key[:8]
    try:
        # Every run of a suite asks. The folder is gone through again only if something came or went.
        there = _by_digits(root, root.stat().st_mtime_ns).get(digits)
    except OSError:  # it is made when the first run begins, or refused then
        there = None
    if there is not None:
        return root / there
    words = "-".join([_file_name(label)[:48], _file_name(recipe.name), _file_name(data.name), f"s{seed}"])
    return root / f"{words}-{digits}"


@lru_cache(maxsize=1)
def _by_digits(root: Path, changed: int) -> dict[str, str]:  # noqa: ARG001 - a change makes the answer stale
    """The names of the runs' folders by their last eight digits: finished ones first, then by name."""
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if "-" in entry.name and entry.is_dir())
    found: dict[str, str] = {}
    for ending in ("", _ENDING):
        for name in names:
            run = name.removesuffix(ending)
            if name.endswith(ending):
                found.setdefault(run.rpartition("-")[2], run)
    return found


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
        foreign = _foreign(folder, _FINISHED)
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


def to_start_from(partial: Path, key: str, *, device: str, resume: bool, force: bool) -> Checkpoint | None:
    """The checkpoint that a run goes on from; None if there is none, or if the run is to begin again.

    Args:
        partial: the folder of the unfinished run.
        key: the key of the run.
        device: the kind of the device on which it is to go on, `cpu` or `cuda`.
        resume: whether to go on from the checkpoint.
        force: whether to begin again instead.

    Raises:
        OutputError: there is a checkpoint and neither is asked for; or it is damaged, belongs to another
            run, or comes from a device of another kind.
    """
    path = partial / CHECKPOINT_FILE
    if force or not path.exists():
        return None
    if not resume:
        raise OutputError(
            f"{partial} holds an interrupted run: --resume goes on with it, --force begins again"
        )
    try:
        checkpoint = read_checkpoint(path, key=key)
    except DataError as error:
        raise OutputError(f"{error}; --force begins again") from error
    if checkpoint.device != device:
        raise OutputError(
            f"{partial} holds a run that was interrupted on {checkpoint.device} and cannot go on on {device}:"
            f" --device {checkpoint.device} goes on with it, --force begins again"
        )
    return checkpoint


@contextmanager
def working_folder(folder: Path) -> Iterator[tuple[Path, Claim]]:
    """The folder in which the run of `folder` works until it is finished, and the claim on it.

    Inside the block, `finish` turns it into `folder`. If the block fails, only a checkpoint and the epochs so
    far are left; nothing is left if there is no checkpoint or the loss was not finite. After a
    `ClaimLostError` everything is left as it is, because it is another's.

    Raises:
        BusyError: another process works in the folder.
        OutputError: it contains something else, or it cannot be written.
    """
    partial = partial_folder(folder)
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with claimed(partial) as claim:
            partial.mkdir(exist_ok=True)
            _sweep(partial)
            foreign = _foreign(partial, RUN_FILES)
            if foreign:
                raise OutputError(f"{partial} holds {foreign[0]}, which is not a run's; it is left alone")
            try:
                yield partial, claim
            except ClaimLostError:
                raise
            except BaseException as error:
                _clear(partial, checkpoint=isinstance(error, NotFiniteError))
                raise
            _clear_if_unused(partial)
    except BrokenPipeError:  # the reader of the command's output has gone; nothing is wrong with the folder
        raise
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"cannot write {where}: {error.strerror or error}") from error


def finish(partial: Path, folder: Path) -> None:
    """Renames `partial` to `folder`; what was there is removed only when the new folder is in its place."""
    (partial / CHECKPOINT_FILE).unlink(missing_ok=True)
    if not folder.exists():
        partial.rename(folder)
        return
    old = folder.with_name(f"{folder.name}.old-{os.getpid()}")
    folder.rename(old)
    try:
        partial.rename(folder)
    except BaseException:  # Ctrl-C too: the old one is put back
        if not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old)


def _foreign(folder: Path, own: frozenset[str]) -> list[str]:
    """What is in a folder but does not belong to a run."""
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in own
        and not path.name.startswith(_EVENTS)
        and _OTHER_IMAGES.fullmatch(path.name) is None
    )


def _sweep(partial: Path) -> None:
    """Removes files that a killed run had half written; because of the claim, nobody else is at work here."""
    for path in partial.iterdir():
        if half_written(path.name) or _SAFETENSORS_HALF.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _clear(partial: Path, *, checkpoint: bool) -> None:
    """Removes what is of no use after a bad end; with `checkpoint`, the checkpoint too."""
    if not partial.is_dir():  # it has been renamed already, and is whole
        return
    if checkpoint or not (partial / CHECKPOINT_FILE).exists():
        shutil.rmtree(partial)
        return
    _sweep(partial)
    for name in (RESULT_FILE, WEIGHTS_FILE, CORRECT_FILE):
        (partial / name).unlink(missing_ok=True)


def _clear_if_unused(partial: Path) -> None:
    """Removes the folder if nothing was done in it, as for a run that turned out to be finished."""
    if partial.is_dir() and not any(partial.iterdir()):
        partial.rmdir()


def _file_name(text: str) -> str:
    """Text as a part of a file name: anything but letters, digits and dots becomes a dash."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "x"
