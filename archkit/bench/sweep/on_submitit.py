"""`OnSubmitit`: the runner that gives runs to SLURM as job arrays, through submitit.

The folder of results must be on a file system that the jobs share, as it is on such clusters: a job works
in it as a local run does, and claims its run. At a time-out or a pre-emption SLURM warns the job; the run
leaves a checkpoint, submitit puts the job into the queue again, and the run goes on from there. Without
SLURM, submitit starts all jobs at once on this machine, which is for trying it out.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.place import folder_of
from archkit.bench.sweep.run import Ended, Run, WatchRun, failed
from archkit.bench.sweep.shared_data import SharedData, mapped, shared
from archkit.bench.train.device import pick_device
from archkit.bench.train.events import ignore
from archkit.errors import ArchkitError, OutputError, RunError

__all__ = ["OnSubmitit", "read_parameters"]

_FOLDER: Final = ".submitit"  # in the folder of results: what submitit writes, and the images
_TIMEOUTS: Final = "slurm_max_num_timeout"  # how often a job that timed out is requeued; 3 unless given
_LARGEST_ARRAY: Final = 1000  # jobs; SLURM's MaxArraySize is 1,001 unless a cluster has another
_POLL: Final = 1.0  # seconds between two looks at the jobs; submitit itself asks SLURM twice a minute


@dataclass(frozen=True, kw_only=True, slots=True)
class OnSubmitit:
    """Carries runs out as jobs.

    Attributes:
        parameters: what a job asks for, as submitit's `update_parameters` takes it.
        device: where a job runs: `auto`, `cpu` or `cuda`.
        at_once: how many jobs of an array go on at once; as many as there is room for unless given.
        cluster: `slurm`, `local` or `debug`; SLURM if there is `sbatch`, else `local`.
    """

    parameters: tuple[tuple[str, Any], ...] = ()
    device: str = "auto"
    at_once: int | None = None
    cluster: str | None = None

    def __call__(
        self, runs: Sequence[Run], data: DataSet, conduct: Conduct, *, watch: WatchRun
    ) -> Generator[Ended, None, None]:
        """Does what `archkit.bench.sweep.run_suite.Runner` promises, but tells only beginnings and ends.

        Raises:
            RunError: submitit is missing, or the jobs cannot be submitted.
        """
        waiting: list[tuple[int, Run, Path]] = []
        for number, run in enumerate(runs):
            try:
                waiting.append((number, run, folder_of(run, data, conduct.root).absolute()))
            except ArchkitError as error:
                yield failed(run, error)
        if waiting:
            yield from _ended(self._submitted(waiting, data, conduct), watch)

    def _submitted(
        self, waiting: Sequence[tuple[int, Run, Path]], data: DataSet, conduct: Conduct
    ) -> list[_Job]:
        try:
            import submitit
        except ImportError as error:
            raise RunError(
                "--on submitit needs the package submitit: pip install archkit[submitit]"
            ) from error
        place = conduct.root.absolute() / _FOLDER
        images = place / f"images-{data.checksum[:16]}"
        try:
            images.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {images}: {error.strerror or error}") from error
        reserved = dict(self.parameters).get("cpus_per_task", 1)
        threads = conduct.threads if isinstance(conduct.threads, int) else reserved
        carry = _Carry(
            data=shared(data, images), conduct=replace(conduct, threads=threads), device=self.device
        )
        asked = {"name": "archkit", "cpus_per_task": threads, **dict(self.parameters)}
        if self.at_once is not None:
            asked["slurm_array_parallelism"] = self.at_once
        jobs: list[_Job] = []
        try:
            # The executor wants this when it is made, and all else afterwards.
            made_with = {_TIMEOUTS: asked.pop(_TIMEOUTS)} if _TIMEOUTS in asked else {}
            executor = submitit.AutoExecutor(place, cluster=self.cluster, **made_with)
            executor.update_parameters(**asked)
            for start in range(0, len(waiting), _LARGEST_ARRAY):
                part = waiting[start : start + _LARGEST_ARRAY]
                made = executor.map_array(
                    carry, [run for _, run, _ in part], [folder for _, _, folder in part]
                )
                jobs += [
                    _Job(number, run, folder, job)
                    for (number, run, folder), job in zip(part, made, strict=True)
                ]
        except (RuntimeError, ValueError, NameError, OSError, submitit.core.utils.FailedJobError) as error:
            for job in jobs:
                job.job.cancel(check=False)
            what = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise RunError(f"the jobs cannot be submitted: {what}") from error
        return jobs


@dataclass(frozen=True, kw_only=True, slots=True)
class _Carry:
    """What a job calls. submitit calls `checkpoint` at a time-out and a pre-emption."""

    data: SharedData
    conduct: Conduct
    device: str

    def __call__(self, run: Run, folder: Path) -> Ended:
        conduct = replace(self.conduct, device=pick_device(self.device))
        return conduct.carry_out(run, folder, mapped(self.data), ignore)

    def checkpoint(self, run: Run, folder: Path) -> Any:
        """What the job is when it comes to its turn again; the run itself leaves its checkpoint meanwhile."""
        from submitit.helpers import DelayedSubmission

        again = replace(self.conduct, resume=True)  # and `force`: what it is to replace is still there
        return DelayedSubmission(replace(self, conduct=again), run, folder)


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    run: Run
    folder: Path
    job: Any


def _ended(jobs: Sequence[_Job], watch: WatchRun) -> Iterator[Ended]:
    """Each run when its job has ended; closed early, the jobs are cancelled."""
    left = list(jobs)
    with ExitStack() as every:
        watched: dict[int, ExitStack] = {}
        every.callback(lambda: [job.job.cancel(check=False) for job in left])
        while left:
            for job in list(left):
                done = job.job.done()
                if job.number not in watched and (done or job.job.state == "RUNNING"):
                    watched[job.number] = every.enter_context(ExitStack())
                    watched[job.number].enter_context(watch(job.number, job.run, job.folder))
                if done:
                    left.remove(job)
                    watched[job.number].close()
                    yield _result(job)
            if left:
                time.sleep(_POLL)


def _result(job: _Job) -> Ended:
    try:
        ended: Ended = job.job.result()
    except Exception as error:  # noqa: BLE001 - of submitit, or whatever ended the job
        text = [line for line in str(error).splitlines() if line.strip()]
        what = text[-1].strip() if text else type(error).__name__
        return failed(job.run, RunError(f"job {job.job.job_id} failed: {what} (see {job.job.paths.stderr})"))
    return replace(ended, run=job.run)


def read_parameters(texts: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """`KEY=VALUE` texts as parameters; whole numbers are numbers.

    Raises:
        RunError: one is not written so.
    """
    found: list[tuple[str, Any]] = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise RunError(f"--slurm takes KEY=VALUE, such as slurm_partition=gpu, not {text!r}")
        number: Any = value
        with suppress(ValueError):
            number = int(value)
        found.append((key, number))
    return tuple(found)
