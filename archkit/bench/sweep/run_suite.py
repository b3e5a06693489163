"""`run_suite`: every run of a suite, one after the other or several at once, on data that is loaded once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import torch

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.at_once import run_at_once
from archkit.bench.sweep.conduct import Conduct, failed, folder_of
from archkit.bench.sweep.run import Ended, Run, WatchRun
from archkit.bench.train.threads import Threads
from archkit.errors import ArchkitError

__all__ = ["run_suite"]


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
    watch: WatchRun,
) -> Generator[Ended, None, None]:
    """Starts the runs in their order, each in a folder of its own, and yields each one when it ends.

    A run that fails, whatever the error, does not end the suite. A run that is there already is not run
    again. If the generator is closed before its end, it ends the runs that are going on, and these leave
    their checkpoints.

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
        watch: entered before a run and left after it, in this process; see `WatchRun`.
    """
    conduct = Conduct(device=device, root=root, force=force, resume=resume, threads=threads)
    if jobs > 1:
        yield from run_at_once(runs, data, conduct, jobs=jobs, watch=watch)
        return
    for number, run in enumerate(runs):
        try:
            folder = folder_of(run, data, root)
            with watch(number, run, folder) as watching:
                ended = conduct.carry_out(run, folder, data, watching)
        except ArchkitError as error:
            ended = failed(run, error)
        yield ended
