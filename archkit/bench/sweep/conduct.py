"""`Conduct`: what is the same for all runs of a suite; and one run, carried out."""

from __future__ import annotations

import gc
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

import archkit
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.folder import default_folder
from archkit.bench.sweep.run import Ended, Finished, Run
from archkit.bench.sweep.run_spec import adapt, run_spec
from archkit.bench.train.events import Watch
from archkit.bench.train.initial import initial_key
from archkit.bench.train.results import run_key
from archkit.bench.train.threads import Threads
from archkit.errors import ArchkitError, RunError

__all__ = ["Conduct", "failed", "folder_of", "freed", "key_of"]

_PACKAGE: Final = Path(archkit.__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """What is the same for all runs of a suite.

    Attributes:
        device: where they run.
        root: the folder for the folders of the runs.
        force: whether a run that is already there is run again.
        resume: whether a run that was interrupted goes on; otherwise it counts as failed.
        threads: of the CPU, for each run; as in `archkit.bench.train.engine.train`.
    """

    device: torch.device
    root: Path = Path("runs")
    force: bool = False
    resume: bool = False
    threads: Threads = None

    def carry_out(self, run: Run, folder: Path, data: DataSet, watch: Watch) -> Ended:
        """Runs it to its end, good or bad; `folder` is what `folder_of` says.

        Whatever is wrong is this run's error, and its memory is free when this returns.

        Raises:
            BrokenPipeError: whoever watches has gone, so that no run should go on.
        """
        try:
            ended = Ended(run=run, done=self._run(run, folder, data, watch))
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - of cuDNN, Triton or us: other runs may do better
            ended = failed(run, error)
        if ended.done is None or ended.done.fresh:  # thousands that are there already hold nothing
            freed(self.device)
        return ended

    def _run(self, run: Run, folder: Path, data: DataSet, watch: Watch) -> Finished:
        return run_spec(
            adapt(run.spec, data),
            data,
            run.recipe,
            device=self.device,
            seed=run.seed,
            out=folder,
            init=run.init,
            force=self.force,
            resume=self.resume,
            threads=self.threads,
            watch=watch,
        )


def failed(run: Run, error: Exception) -> Ended:
    """How a run ended that `error` ended: an error of ours as it is, any other as a line that says where.

    The error keeps no frames: those of a run hold its network and its images, and a suite keeps every error
    to its end.
    """
    if not isinstance(error, ArchkitError):
        error = RunError(_line(error))
    error.__cause__ = error.__context__ = None
    return Ended(run=run, error=error.with_traceback(None))


def _line(error: Exception) -> str:
    """An unforeseen error as one line: its class, the first line of its text, and where it came from."""
    text = next((line for line in str(error).splitlines() if line.strip()), "").strip()
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents]
    if not ours:
        return what
    return f"{what} ({Path(ours[-1].filename).relative_to(_PACKAGE.parent)}, line {ours[-1].lineno})"


def freed(device: torch.device) -> None:
    """Frees what the last run held and a cycle keeps: a schedule and its optimizer hold each other."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def folder_of(run: Run, data: DataSet, root: Path) -> Path:
    """The folder of a run: its own, or one under `root` that is named after everything that decides it.

    Raises:
        SpecError: there is no such network for these images.
    """
    adapt(run.spec, data)
    if run.folder is not None:
        return run.folder
    return default_folder(root, run.label, run.recipe, data, seed=run.seed, key=key_of(run, data))


def key_of(run: Run, data: DataSet) -> str:
    """The key of a run on some data.

    Raises:
        SpecError: there is no such network for these images.
    """
    spec, init = adapt(run.spec, data), initial_key(run.init)
    return run_key(spec=str(spec), recipe=run.recipe, seed=run.seed, data=data.checksum, init=init)
