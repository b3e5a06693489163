"""`carry`: one run as a task of Ray's, in a folder of the machine that it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import archkit
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.desk import Begun, Files, Trial
from archkit.bench.sweep.folder import RUN_FILES
from archkit.bench.sweep.place import partial_folder
from archkit.bench.sweep.run import Ended, failed
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.events import Event, Saved, Step
from archkit.bench.train.results import EPOCHS_FILE
from archkit.errors import ArchkitError, RunError

__all__ = ["carry"]

_STEP_SPACING: Final = 0.5  # seconds between two steps that are told


def carry(
    trial: Trial, data: DataSet, conduct: Conduct, desk: Any, version: str, work: Callable[..., Ended]
) -> Ended:
    """Carries out a run and sends its files to the desk; begun again, it goes on from what the desk has.

    Args:
        trial: the run.
        data: the images.
        conduct: how it is carried out.
        desk: the handle of a `Desk`.
        version: the driver's archkit; another one here would give other results.
        work: `Conduct.carry_out`.
    """
    import ray

    if version != archkit.__version__:
        problem = RunError(f"archkit is {archkit.__version__} on this machine and {version} on the driver's")
        return failed(trial.run, problem)
    begun: Begun = ray.get(desk.begin.remote(trial))
    if begun.files is None:
        if begun.done is not None:
            return Ended(run=trial.run, done=begun.done)
        return failed(trial.run, begun.error or RunError("it was not begun"))
    with TemporaryDirectory(prefix="archkit-") as place:
        folder = Path(place) / "run"
        _put(partial_folder(folder), begun.files)
        ended = work(conduct, trial.run, folder, data, _Teller(trial.number, desk))
        try:
            if ended.done is not None:
                done = replace(ended.done, folder=trial.folder)
                files = _taken(folder, RUN_FILES)
                return replace(ended, done=ray.get(desk.finish.remote(trial, files, done)))
        except (ArchkitError, ray.exceptions.RayTaskError) as error:
            cause = getattr(error, "cause", error)
            return failed(trial.run, cause if isinstance(cause, ArchkitError) else RunError(str(error)))
        ray.get(desk.fail.remote(trial, ended.error))
        return ended


class _Teller:
    """A Watch that sends what it is told to the desk, and each checkpoint before it is told of."""

    def __init__(self, number: int, desk: Any) -> None:
        self._number, self._desk = number, desk
        self._last_step = -float("inf")

    def __call__(self, event: Event) -> None:
        import ray

        if isinstance(event, Step):
            now = time.monotonic()
            if event.step == event.steps or now - self._last_step >= _STEP_SPACING:
                self._last_step = now
                self._desk.tell.remote(self._number, event)
            return
        if isinstance(event, Saved) and not event.resumed:
            files = _taken(event.folder, (CHECKPOINT_FILE, EPOCHS_FILE))
            ray.get(self._desk.keep.remote(self._number, files))
        ray.get(self._desk.tell.remote(self._number, event))


def _put(folder: Path, files: Files) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _taken(folder: Path, names: Any) -> Files:
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}
