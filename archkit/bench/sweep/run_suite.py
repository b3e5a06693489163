"""`run_suite`: every run of a suite, by any runner; and the plainest runner, one run after the other.

A `Runner` is a callable from runs to ended runs. There are four: `one_by_one` here, `run_at_once` (several
processes on one machine), `OnRay` in `archkit.bench.sweep.on_ray` and `OnSubmitit` in
`archkit.bench.sweep.on_submitit`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import torch

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.at_once import run_at_once
from archkit.bench.sweep.claim import BusyError, Claim
from archkit.bench.sweep.conduct import Conduct, failed, folder_of
from archkit.bench.sweep.folder import partial_folder
from archkit.bench.sweep.run import Ended, Run, WatchRun
from archkit.bench.train.threads import Threads
from archkit.errors import ArchkitError

__all__ = ["Runner", "one_by_one", "run_suite"]

_POLL: Final = 1.0  # seconds between two looks at runs that others are at work on


class Runner(Protocol):
    """Carries out runs, in any order and anywhere.

    It yields each run once, when it has ended, well or badly, and enters `watch` before a run and leaves it
    after, in this process. Closed before its end, it ends the runs that are going on, which leave their
    checkpoints.
    """

    def __call__(
        self, runs: Sequence[Run], data: DataSet, conduct: Conduct, *, watch: WatchRun
    ) -> Generator[Ended, None, None]:
        """Carries them out."""


def run_suite(
    runs: Sequence[Run],
    data: DataSet,
    *,
    device: torch.device,
    root: Path = Path("runs"),
    force: bool = False,
    resume: bool = False,
    jobs: int = 1,
    threads: Threads = None,
    runner: Runner | None = None,
    wait: bool = True,
    watch: WatchRun,
) -> Generator[Ended, None, None]:
    """Starts the runs in their order, each in a folder of its own, and yields each one when it ends.

    A run that fails, whatever the error, does not end the suite. A run that is there already is not run
    again. One that another process is at work on comes last: it is waited for until that process has finished
    it, or has gone. If the generator is closed before its end, it ends the runs that are going on, and these
    leave their checkpoints.

    Args:
        runs: what to run.
        data: the images, for all of them.
        device: where they run.
        root: the folder for the folders of the runs.
        force: whether runs that are there already are run again.
        resume: whether interrupted runs go on; otherwise these count as failed.
        jobs: how many runs go on at once. Several run in processes of their own, which share the device and,
            in equal parts, torch's threads.
        threads: of the CPU, for each run; as in `archkit.bench.train.engine.train`.
        runner: what carries them out; unless given, `one_by_one`, or `run_at_once` for several jobs.
        wait: whether runs that others are at work on are waited for; otherwise they fail.
        watch: entered before a run and left after it, in this process; see `WatchRun`.
    """
    conduct = Conduct(device=device, root=root, force=force, resume=resume, threads=threads)
    if runner is None:
        runner = one_by_one if jobs == 1 else partial(run_at_once, jobs=jobs)
    numbers = list(range(len(runs)))
    while numbers:
        busy: list[int] = []
        ending = runner([runs[at] for at in numbers], data, conduct, watch=_numbered(watch, numbers))
        left = {id(run): at for at, run in enumerate(runs)}
        try:
            for ended in ending:
                if wait and isinstance(ended.error, BusyError):
                    busy.append(_number(runs, ended.run, left))
                else:
                    yield ended
        finally:
            ending.close()
        numbers = sorted(busy)
        if numbers:
            _wait_for_one([folder_of(runs[at], data, root) for at in numbers])


def one_by_one(
    runs: Sequence[Run], data: DataSet, conduct: Conduct, *, watch: WatchRun
) -> Generator[Ended, None, None]:
    """The runner that needs nothing: one run after the other, in this process."""
    for number, run in enumerate(runs):
        try:
            folder = folder_of(run, data, conduct.root)
            with watch(number, run, folder) as watching:
                ended = conduct.carry_out(run, folder, data, watching)
        except ArchkitError as error:
            ended = failed(run, error)
        yield ended


def _numbered(watch: WatchRun, numbers: Sequence[int]) -> WatchRun:
    """`watch` for some of the runs, called with the numbers that these have among all."""
    return lambda number, run, folder: watch(numbers[number], run, folder)


def _number(runs: Sequence[Run], run: Run, by_id: dict[int, int]) -> int:
    """The place of a run, which may have been to another process and back."""
    at = by_id.get(id(run))
    return runs.index(run) if at is None else at


def _wait_for_one(folders: Sequence[Path]) -> None:
    """Waits until one of the runs is no longer another's."""
    what = "a run is" if len(folders) == 1 else f"{len(folders)} runs are"
    warnings.warn(f"{what} being carried out by another process, and waited for", stacklevel=2)
    claims = [Claim(partial_folder(folder)) for folder in folders]
    while True:
        for claim in claims:
            if claim.take():
                claim.release()
                return
        time.sleep(_POLL)
