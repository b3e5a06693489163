"""The folder of a run while the run works: who may work in it, what it goes on from, how it is finished.

A run works in a folder beside its own, `NAME.partial`, which becomes `NAME` when everything is written. While
it works, its process holds the claim `NAME.partial.lock`, see `archkit.bench.sweep.claim`. What the folder is
called is in `archkit.bench.sweep.place`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from archkit.bench.sweep.claim import Claim, ClaimLostError, claimed
from archkit.bench.sweep.place import FINISHED_FILES, foreign_files, partial_folder
from archkit.bench.train.checkpoint import CHECKPOINT_FILE, Checkpoint, read_checkpoint
from archkit.bench.train.correct import CORRECT_FILE
from archkit.bench.train.results import RESULT_FILE, WEIGHTS_FILE
from archkit.bench.train.trainer import NotFiniteError
from archkit.errors import DataError, OutputError
from archkit.files import half_written

__all__ = ["RUN_FILES", "finish", "to_start_from", "working_folder"]

RUN_FILES: Final = FINISHED_FILES | {CHECKPOINT_FILE}
"""What a run itself writes, finished or not."""

_SAFETENSORS_HALF: Final = re.compile(r"\.tmp[A-Za-z0-9]{6}")
"""What safetensors calls a file until it is whole; such a file stays if the process is killed meanwhile."""


def to_start_from(partial: Path, key: str, *, device: str, resume: bool, force: bool) -> Checkpoint | None:
    """The checkpoint that a run goes on from; None if there is none, or if the run is to begin again.

    Args:
        partial: the folder of the unfinished run.
        key: the key of the run.
        device: the kind of the device on which it is to go on, `cpu` or `cuda`.
        resume: whether to go on from the checkpoint.
        force: whether to begin again, unless `resume` is set too: a finished run that `force` was to replace
            may have been interrupted.

    Raises:
        OutputError: there is a checkpoint and neither is asked for; or it is damaged, belongs to another
            run, or comes from a device of another kind.
    """
    path = partial / CHECKPOINT_FILE
    if (force and not resume) or not path.exists():
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
            foreign = foreign_files(partial, RUN_FILES)
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
    if old.is_symlink():
        old.unlink()  # what it points to is left alone
    else:
        shutil.rmtree(old)


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
