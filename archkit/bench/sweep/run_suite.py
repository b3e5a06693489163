"""`run_suite`: every run of a suite, by any runner; and the plainest runner, one run after the other.

A `Runner` is a callable from runs to ended runs. There are four: `one_by_one` here, `run_at_once` (several
processes on one machine), `OnRay` in `archkit.bench.sweep.on_ray` and `OnSubmitit` in
`archkit.bench.sweep.on_submitit`. Runs that are there already are found before a runner is asked, and without
torch: thousands of them are there in a moment.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.claim import BusyError, Claim
from archkit.bench.sweep.place import finished, folder_of, partial_folder
from archkit.bench.sweep.run import Ended, Finished, Run, WatchRun, failed
from archkit.errors import ArchkitError

if TYPE_CHECKING:
    import torch

    from archkit.bench.sweep.conduct import Conduct
    from archkit.bench.train.threads import Threads

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
    device: torch.device | str,
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

    A run that fails, whatever the error, does not end the suite. Runs that are there already are not run
    again, and come first. One that another process is at work on comes last: it is waited for until that
    process has finished it, or has gone. If the generator is closed before its end, it ends the runs that are
    going on, and these leave their checkpoints.

    Args:
        runs: what to run.
        data: the images, for all of them.
        device: where they run, or its name for `archkit.bench.train.device.pick_device`, which is asked if
            anything is left to be run.
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
    numbers: list[int] = []
    for number, run in enumerate(runs):
        folder, done = (None, None) if force else _there(run, data, root)
        if folder is None or done is None:
            numbers.append(number)
            continue
        try:
            with watch(number, run, folder):
                ended = Ended(run=run, done=done)
        except ArchkitError as error:
            ended = failed(run, error)
        yield ended
    if not numbers:
        return
    from archkit.bench.sweep.conduct import Conduct
    from archkit.bench.train.device import pick_device

    if isinstance(device, str):
        device = pick_device(device)
    conduct = Conduct(device=device, root=root, force=force, resume=resume, threads=threads)
    if runner is None and jobs > 1:
        from archkit.bench.sweep.at_once import run_at_once

        runner = partial(run_at_once, jobs=jobs)
    elif runner is None:
        runner = one_by_one
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


def _there(run: Run, data: DataSet, root: Path) -> tuple[Path | None, Finished | None]:
    """The folder of a run, and the run if it is there; what is wrong, its runner meets and says."""
    try:
        return finished(run, data, root)
    except ArchkitError:
        return None, None


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
