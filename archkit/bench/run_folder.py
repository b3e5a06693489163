"""The folder of a run: what it is called, who may work in it, and how it comes to be whole.

A run works in a folder beside its own, `NAME.partial`, which becomes `NAME` when everything is written. One
process at a time holds its lock, which the system takes back when the process ends, however it ends.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from archkit.bench.checkpoint import CHECKPOINT_FILE, Checkpoint, read_checkpoint
from archkit.bench.data import DataSet
from archkit.bench.recipe import Recipe
from archkit.bench.results import EPOCHS_FILE, RESULT_FILE, WEIGHTS_FILE, Result, read_result
from archkit.bench.trainer import NotFiniteError
from archkit.errors import DataError, OutputError

__all__ = ["already_there", "default_folder", "finish", "partial_folder", "to_start_from", "working_folder"]

_FINISHED: Final = frozenset({RESULT_FILE, EPOCHS_FILE, WEIGHTS_FILE})
_EVENTS: Final = "events.out.tfevents."  # how TensorBoard's files begin, see `archkit.bench.tensorboard`
_HALF_WRITTEN: Final = re.compile(r"\.tmp[A-Za-z0-9]{6}")
"""What safetensors calls a file until it is whole: it stays where the process is killed while it writes."""
_ENDING: Final = ".partial"


def default_folder(root: Path, label: str, recipe: Recipe, data: DataSet, *, seed: int, key: str) -> Path:
    """The folder of a run under `root`: a name to read and eight digits of its key.

    A run that is already there under another label, finished or not, is found by the key.
    """
    digits = key[:8]
    for found in sorted(root.glob(f"*-{digits}")):
        if found.is_dir():
            return found
    for found in sorted(root.glob(f"*-{digits}{_ENDING}")):
        if found.is_dir():
            return found.with_name(found.name.removesuffix(_ENDING))
    words = "-".join([_file_name(label)[:48], _file_name(recipe.name), _file_name(data.name), f"s{seed}"])
    return root / f"{words}-{digits}"


def partial_folder(folder: Path) -> Path:
    """Where the run of `folder` works until it is finished."""
    return folder.with_name(folder.name + _ENDING)


def already_there(folder: Path, key: str, *, force: bool) -> Result | None:
    """The result of the same run in `folder`, unless it is to be replaced.

    Raises:
        OutputError: the folder holds something else.
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


def to_start_from(work: Path, key: str, *, resume: bool, force: bool) -> Checkpoint | None:
    """The checkpoint that a run goes on from; None where there is none, or it is to begin again.

    Args:
        work: the run's unfinished folder.
        key: of the run.
        resume: whether to go on from it.
        force: whether to begin again instead.

    Raises:
        OutputError: there is one and neither is asked for; or it is damaged or another run's.
    """
    path = work / CHECKPOINT_FILE
    if force or not path.exists():
        return None
    if not resume:
        raise OutputError(f"{work} holds an interrupted run: --resume goes on with it, --force begins again")
    try:
        return read_checkpoint(path, key=key)
    except DataError as error:
        raise OutputError(f"{error}; --force begins again") from error


@contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """The unfinished folder of the run of `folder`, locked.

    Whoever works in it moves what is finished with `finish`, inside the block. When the block fails,
    only a checkpoint and the epochs so far are left; nothing at all where there is no checkpoint, or the
    loss was not finite.

    Raises:
        OutputError: another process works in it, it holds something else, or it cannot be written.
    """
    work = partial_folder(folder)
    try:
        with _locked(work):
            _sweep(work)
            foreign = _foreign(work, _FINISHED | {CHECKPOINT_FILE, CHECKPOINT_FILE + ".new"})
            if foreign:
                raise OutputError(f"{work} holds {foreign[0]}, which is not a run's; it is left alone")
            try:
                yield work
            except BaseException as error:
                _clear(work, checkpoint=isinstance(error, NotFiniteError))
                raise
            _clear_if_unused(work)
    except BrokenPipeError:  # of whoever watches: nothing that was written here
        raise
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"cannot write {where}: {error.strerror or error}") from error


def finish(work: Path, folder: Path) -> None:
    """Renames `work` to `folder`; what was there goes only when the new is in its place."""
    for name in (CHECKPOINT_FILE, CHECKPOINT_FILE + ".new"):
        (work / name).unlink(missing_ok=True)
    if not folder.exists():
        work.rename(folder)
        return
    old = folder.with_name(f"{folder.name}.old-{os.getpid()}")
    folder.rename(old)
    try:
        work.rename(folder)
    except BaseException:  # Ctrl-C too: the old one goes back
        if not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old)


def _foreign(folder: Path, own: frozenset[str]) -> list[str]:
    """What lies in a folder but is not a run's."""
    names = (path.name for path in folder.iterdir())
    return sorted(name for name in names if name not in own and not name.startswith(_EVENTS))


def _sweep(work: Path) -> None:
    """Removes what a run that was killed had half written; nobody else works here, by the lock."""
    for path in work.iterdir():
        if _HALF_WRITTEN.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _clear(work: Path, *, checkpoint: bool) -> None:
    """Removes what is of no use after a bad end; with `checkpoint`, that too."""
    if not work.is_dir():  # it has its name already, and is whole
        return
    if checkpoint or not (work / CHECKPOINT_FILE).exists():
        shutil.rmtree(work)
        return
    _sweep(work)
    for name in (CHECKPOINT_FILE + ".new", RESULT_FILE, WEIGHTS_FILE):
        (work / name).unlink(missing_ok=True)


def _clear_if_unused(work: Path) -> None:
    """Removes the folder where it was only locked, as for a run that turned out to be finished."""
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    """Makes the folder, and holds its lock for the block."""
    work.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":  # has no lock on a folder
        yield
        return
    import fcntl

    descriptor = os.open(work, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(f"{work}: another process is at work on this run") from error
        # Whoever held the lock before may have renamed the folder, or removed it.
        if not work.is_dir() or os.stat(work).st_ino != os.fstat(descriptor).st_ino:  # noqa: PTH116 - beside fstat
            raise OutputError(f"{work}: another process has just ended this run; try again")
        yield
    finally:
        os.close(descriptor)


def _file_name(text: str) -> str:
    """Text as a part of a file name: runs of anything but letters, digits and dots become one dash."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "x"
