"""`run_suite`: every run of a suite, one after the other or several at once, on data loaded once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import torch

from archkit.bench.data import DataSet
from archkit.bench.events import Watch
from archkit.bench.one_run import Ended, How, Placed
from archkit.bench.suite import SuiteRun
from archkit.errors import ArchkitError

__all__ = ["Ended", "WatchRun", "run_suite"]

WatchRun: TypeAlias = Callable[[int, SuiteRun, Path], AbstractContextManager[Watch]]
"""Given a run's number from 0, the run and its folder, what watches it while it runs."""


def run_suite(
    runs: Sequence[SuiteRun],
    data: DataSet,
    *,
    device: torch.device,
    root: Path = Path("runs"),
    force: bool = False,
    resume: bool = False,
    jobs: int = 1,
    watch: WatchRun,
) -> Generator[Ended, None, None]:
    """Runs them, begun in their order, each in a folder of its own, and gives each as it ends.

    A run that fails does not end the suite. A run that is there already is not run again. Closed before its
    end, the generator ends the runs that are going on, which leave their checkpoints.

    Args:
        runs: what to run.
        data: for all of them.
        device: where.
        root: the folder in which the runs' folders lie.
        force: run again what is there.
        resume: go on with what was interrupted; without it, such a run is one that failed.
        jobs: how many at once. More than one run in processes of their own, which share the device and, in
            equal parts, torch's threads.
        watch: see `WatchRun`; entered before a run and left after it, in this process.
    """
    how = How(device=device, root=root, force=force, resume=resume)
    if jobs > 1:
        from archkit.bench.at_once import run_at_once

        yield from run_at_once(runs, data, how, jobs=jobs, watch=watch)
        return
    for number, run in enumerate(runs):
        try:
            placed = Placed.of(run, data, root)
            with watch(number, run, placed.folder) as watching:
                ended = placed.work(data, how, watching)
        except ArchkitError as error:
            ended = Ended(run=run, done=None, error=error)
        yield ended
