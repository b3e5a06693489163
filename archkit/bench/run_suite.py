"""`run_suite`: every run of a suite, one after the other, on data loaded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

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

__all__ = ["Ended", "WatchRun", "folder_of", "run_suite"]

WatchRun: TypeAlias = Callable[[int, SuiteRun, Path], AbstractContextManager[Watch]]
"""Given a run's number from 0, the run and its folder, what watches it while it runs."""


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


def run_suite(
    runs: Sequence[SuiteRun],
    data: DataSet,
    *,
    device: torch.device,
    root: Path = Path("runs"),
    force: bool = False,
    resume: bool = False,
    watch: WatchRun,
) -> Iterator[Ended]:
    """Runs them in their order, each in a folder of its own, and gives each as it ends.

    A run that fails does not end the suite. A run that is there already is not run again.

    Args:
        runs: what to run.
        data: for all of them.
        device: where.
        root: the folder in which the runs' folders lie.
        force: run again what is there.
        resume: go on with what was interrupted; without it, such a run is one that failed.
        watch: see `WatchRun`; entered before a run and left after it.
    """
    for number, run in enumerate(runs):
        try:
            spec = adapt(run.spec, data)
            folder = folder_of(spec, data, run.recipe, seed=run.seed, label=run.label, root=root)
            with watch(number, run, folder) as watching:
                done = run_spec(
                    spec,
                    data,
                    run.recipe,
                    device=device,
                    seed=run.seed,
                    out=folder,
                    label=run.label,
                    force=force,
                    resume=resume,
                    watch=watching,
                )
        except ArchkitError as error:
            yield Ended(run=run, done=None, error=error)
        else:
            yield Ended(run=run, done=done, error=None)


def folder_of(
    spec: ArchSpec, data: DataSet, recipe: Recipe, *, seed: int, label: str, root: Path = Path("runs")
) -> Path:
    """The folder that `run_spec` gives this run, for a network that is built for the data already."""
    key = run_key(spec=str(spec), recipe=recipe, seed=seed, data=data.checksum)
    return default_folder(root, label, recipe, data, seed=seed, key=key)
