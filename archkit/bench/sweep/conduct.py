"""`Conduct`: what is the same for all runs of a suite; and one run, carried out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.folder import default_folder
from archkit.bench.sweep.run import Ended, Run
from archkit.bench.sweep.run_spec import adapt, run_spec
from archkit.bench.train.events import Watch
from archkit.bench.train.results import run_key
from archkit.errors import ArchkitError

__all__ = ["Conduct", "folder_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """What is the same for all runs of a suite.

    Attributes:
        device: where they run.
        root: the folder for the folders of the runs.
        force: whether a run that is already there is run again.
        resume: whether a run that was interrupted goes on; otherwise it counts as failed.
    """

    device: torch.device
    root: Path = Path("runs")
    force: bool = False
    resume: bool = False

    def carry_out(self, run: Run, folder: Path, data: DataSet, watch: Watch) -> Ended:
        """Runs it to its end, good or bad; `folder` is what `folder_of` says."""
        try:
            done = run_spec(
                adapt(run.spec, data),
                data,
                run.recipe,
                device=self.device,
                seed=run.seed,
                out=folder,
                force=self.force,
                resume=self.resume,
                watch=watch,
            )
        except ArchkitError as error:
            return Ended(run=run, error=error)
        return Ended(run=run, done=done)


def folder_of(run: Run, data: DataSet, root: Path) -> Path:
    """The folder of a run: its own, or one under `root` that is named after everything that decides it.

    Raises:
        SpecError: there is no such network for these images.
    """
    spec = adapt(run.spec, data)
    if run.folder is not None:
        return run.folder
    key = run_key(spec=str(spec), recipe=run.recipe, seed=run.seed, data=data.checksum)
    return default_folder(root, run.label, run.recipe, data, seed=run.seed, key=key)
