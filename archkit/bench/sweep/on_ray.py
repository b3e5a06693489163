"""`OnRay`: the runner that gives runs to Ray, on this machine or on a cluster.

Ray schedules, places and retries. A run works in a folder of its own machine, and `Desk`, an actor beside the
driver, writes what it sends into the folder of results; so every run folder is what a local run leaves, and a
run whose worker or machine is lost goes on elsewhere from its last checkpoint.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch

import archkit
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.desk import RETRIES, Desk, Trial
from archkit.bench.sweep.place import folder_of, key_of
from archkit.bench.sweep.ray_trial import carry
from archkit.bench.sweep.run import Ended, Run, WatchRun, failed
from archkit.bench.train.events import Watch
from archkit.errors import ArchkitError, RunError

__all__ = ["OnRay"]

_TO_LEAVE: Final = 60.0  # seconds that trials get to send their checkpoints
_LOOK: Final = 2.0  # seconds between two looks for trials that Ray has given up

Work: TypeAlias = Callable[[Conduct, Run, Path, DataSet, Watch], Ended]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnRay:
    """Carries runs out as tasks of Ray's.

    Attributes:
        address: of a cluster, as `ray.init` takes it (`auto`, `HOST:PORT`); None for this machine.
        device: `cpu`, `cuda`, or `auto`: `cuda` if there is a GPU among Ray's resources.
        gpus_per_trial: the share of a GPU that each run is given; 1 unless given, on `cuda`.
        cpus: how many CPUs this machine has for Ray, if it is started here; all of them unless given.
        work: what carries out one run; `Conduct.carry_out` unless a test or a benchmark has another.
    """

    address: str | None = None
    device: str = "auto"
    gpus_per_trial: float | None = None
    cpus: int | None = None
    work: Work = Conduct.carry_out

    def __call__(
        self, runs: Sequence[Run], data: DataSet, conduct: Conduct, *, watch: WatchRun
    ) -> Generator[Ended, None, None]:
        """Does what `archkit.bench.sweep.run_suite.Runner` promises.

        Raises:
            RunError: Ray is missing, or cannot be started or reached.
        """
        trials: list[Trial] = []
        for number, run in enumerate(runs):
            try:
                key = key_of(run, data)
                folder = folder_of(run, data, conduct.root, key=key).absolute()
            except ArchkitError as error:
                yield failed(run, error)
            else:
                trials.append(Trial(number=number, run=run, folder=folder, key=key))
        if trials:
            with _session(self) as ray:
                yield from _Sweep(ray, self, trials, data, conduct, watch).ended()


class _Sweep:
    """The trials of one call, seen from the driver."""

    def __init__(
        self, ray: Any, how: OnRay, trials: Sequence[Trial], data: DataSet, conduct: Conduct, watch: WatchRun
    ) -> None:
        self._ray, self._watch = ray, watch
        self._trials = {trial.number: trial for trial in trials}
        device, gpus = _device(ray, how)
        threads = conduct.threads if isinstance(conduct.threads, int) else 1
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._desk = (
            ray.remote(Desk)
            .options(num_cpus=0, scheduling_strategy=here, max_concurrency=10_000)
            .remote(device=device.type, force=conduct.force, resume=conduct.resume)
        )
        theirs = replace(
            conduct,
            device=device,
            root=Path(),
            force=False,
            resume=True,
            threads=threads,
            sharing=on_one_gpu(len(trials), gpus),
        )
        # A process that has used one GPU stays with it, whichever Ray gives to its next trial: there it has
        # one trial. Without a GPU it goes on, and imports torch once.
        task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES, max_calls=int(gpus > 0))(
            carry
        )
        images = ray.put(data)
        self._tasks = {
            trial.number: task.remote(trial, images, theirs, self._desk, archkit.__version__, how.work)
            for trial in trials
        }
        self._open: dict[int, tuple[ExitStack, Watch]] = {}
        self._heard = 0

    def ended(self) -> Iterator[Ended]:
        """Each run when it has ended."""
        looked = time.monotonic()
        try:
            while self._tasks:
                yield from self._listen()
                if time.monotonic() - looked > _LOOK:
                    yield from self._lost()
                    looked = time.monotonic()
        finally:
            self._stop()

    def _listen(self) -> Sequence[Ended]:
        """Passes on what is new; gives the runs that have ended."""
        ends: list[Ended] = []
        for one in self._ray.get(self._desk.news.remote(self._heard)):
            self._heard += 1
            trial = self._trials[one.number]
            if one.ended is not None:
                self._leave(one.number)
                if self._tasks.pop(one.number, None) is not None:
                    ends.append(replace(one.ended, run=trial.run))
            elif one.event is not None:
                if one.number in self._open:
                    self._open[one.number][1](one.event)
            elif one.number not in self._open:
                stack = ExitStack()
                watching = stack.enter_context(self._watch(one.number, trial.run, trial.folder))
                self._open[one.number] = stack, watching
        return ends

    def _lost(self) -> Iterator[Ended]:
        """Trials that have come to an end of which the desk knows nothing: Ray has given them up."""
        tasks = {task: number for number, task in self._tasks.items()}
        ready, _ = self._ray.wait(list(tasks), num_returns=len(tasks), timeout=0.02) if tasks else ((), ())
        if not ready:
            return
        yield from self._listen()  # what they have told before they ended
        for task in ready:
            number = tasks[task]
            if self._tasks.pop(number, None) is None:
                continue
            run = self._trials[number].run
            try:
                ended: Ended = self._ray.get(task)
            except self._ray.exceptions.RayError as error:
                self._desk.lose.remote(number)
                ended = failed(run, RunError(_given_up(error)))
            self._leave(number)
            yield replace(ended, run=run)

    def _leave(self, number: int) -> None:
        if number in self._open:
            self._open.pop(number)[0].close()

    def _stop(self) -> None:
        """Ends what is going on; those trials send their checkpoints first."""
        try:
            if self._tasks:
                self._ray.get(self._desk.stop.remote(), timeout=_TO_LEAVE)
                going = [task for number, task in self._tasks.items() if number in self._open]
                for task in going:
                    self._ray.cancel(task)
                until = time.monotonic() + _TO_LEAVE
                while going and time.monotonic() < until:
                    with suppress(KeyError):
                        self._listen()
                    _, going = self._ray.wait(going, num_returns=len(going), timeout=0.02)
        finally:
            for number in list(self._open):
                self._leave(number)
            with suppress(self._ray.exceptions.RayError):
                self._ray.get(self._desk.close.remote(), timeout=_TO_LEAVE)
            self._ray.kill(self._desk)


def _given_up(error: Exception) -> str:
    """What is said of a trial that Ray has given up."""
    name = type(error).__name__
    if name == "OutOfMemoryError":
        return "its machine ran out of memory, and Ray ended its process"
    what = next((line for line in str(error).splitlines() if line.strip()), "").strip()
    return f"its process was lost {RETRIES + 1} times ({name}: {what})"


def on_one_gpu(trials: int, gpus: float) -> int:
    """Up to how many trials share a GPU, each of which is given so much of one, or none.

    >>> [on_one_gpu(100, gpus) for gpus in (0.1, 0.25, 0.35, 0.6, 1.0, 2.0, 0.0)]
    [10, 4, 2, 1, 1, 1, 1]
    >>> on_one_gpu(3, 0.25)
    3
    """
    if not 0 < gpus < 1:
        return 1
    return min(trials, int(1 / gpus + 1e-6))  # in floats, 1 / 0.1 may fall short of 10


def _device(ray: Any, how: OnRay) -> tuple[torch.device, float]:
    """The device of a trial, and what share of a GPU Ray is to give it."""
    kind = how.device
    if kind == "auto":
        kind = "cuda" if ray.cluster_resources().get("GPU", 0) > 0 else "cpu"
    if kind == "cpu":
        if how.gpus_per_trial:
            raise RunError("--gpus-per-trial needs a GPU, and Ray has none, or --device cpu is given")
        return torch.device("cpu"), 0.0
    if kind != "cuda":
        raise RunError(f"Ray chooses the GPU of a trial: --device cuda, not {kind}")
    return torch.device("cuda"), 1.0 if how.gpus_per_trial is None else how.gpus_per_trial


@contextmanager
def _session(how: OnRay) -> Iterator[Any]:
    """Ray, started or joined for the length of the block unless that has been done already."""
    if how.address is not None and how.address.startswith("ray://"):
        raise RunError(
            f"{how.address}: the driver must run on a machine of the cluster, with --address auto;"
            " `ray job submit` starts it there"
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise RunError("--on ray needs the package ray: pip install archkit[ray]") from error
    if ray.is_initialized():
        yield ray
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(
            address=how.address or "local",
            num_cpus=how.cpus if how.address is None else None,
            include_dashboard=False if how.address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        what = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise RunError(f"Ray cannot be started or reached: {what}") from error
    try:
        with suppress(ValueError):  # not in the main thread, where it set no handlers either
            for number, handler in handlers.items():
                signal.signal(number, handler)
        yield ray
    finally:
        ray.shutdown()
