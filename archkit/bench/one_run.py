"""One run of a suite: where it goes, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from archkit.bench.data import DataSet
from archkit.bench.events import Watch
from archkit.bench.recipe import Recipe
from archkit.bench.results import run_key
from archkit.bench.run import Finished, adapt, run_spec
from archkit.bench.run_folder import default_folder
from archkit.bench.suite import SuiteRun
from archkit.errors import ArchkitError
from archkit.spec import ArchSpec

__all__ = ["Ended", "How", "Placed", "folder_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A run of a suite that was finished, found finished, or failed; one of `done` and `error` is set.

    Attributes:
        run: which.
        done: what it came to, or None.
        error: why it came to nothing, or None.
    """

    run: SuiteRun
    done: Finished | None
    error: ArchkitError | None


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """What is the same for all runs of a suite.

    Attributes:
        device: where they run.
        root: the folder in which the runs' folders lie.
        force: run again what is there.
        resume: go on with what was interrupted; without it, such a run is one that failed.
    """

    device: torch.device
    root: Path
    force: bool
    resume: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A run with its network built for the data, and its folder.

    Attributes:
        run: as the suite has it.
        spec: for the data's images and classes.
        folder: of its own.
    """

    run: SuiteRun
    spec: ArchSpec
    folder: Path

    @classmethod
    def of(cls, run: SuiteRun, data: DataSet, root: Path) -> Placed:
        """Places a run.

        Raises:
            SpecError: there is no such network for these images.
        """
        spec = adapt(run.spec, data)
        folder = folder_of(spec, data, run.recipe, seed=run.seed, label=run.label, root=root)
        return cls(run=run, spec=spec, folder=folder)

    def work(self, data: DataSet, how: How, watch: Watch) -> Ended:
        """Runs it to its end, good or bad."""
        try:
            done = run_spec(
                self.spec,
                data,
                self.run.recipe,
                device=how.device,
                seed=self.run.seed,
                out=self.folder,
                force=how.force,
                resume=how.resume,
                watch=watch,
            )
        except ArchkitError as error:
            return Ended(run=self.run, done=None, error=error)
        return Ended(run=self.run, done=done, error=None)


def folder_of(
    spec: ArchSpec, data: DataSet, recipe: Recipe, *, seed: int, label: str, root: Path = Path("runs")
) -> Path:
    """The folder that `run_spec` gives this run, for a network that is built for the data already."""
    key = run_key(spec=str(spec), recipe=recipe, seed=seed, data=data.checksum)
    return default_folder(root, label, recipe, data, seed=seed, key=key)
