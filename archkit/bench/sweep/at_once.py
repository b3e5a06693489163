"""`run_at_once`: several runs of a suite at once on one device, in processes of their own.

Each process takes one run after the other. It sends what its run tells through a pipe and waits for the
answer, so that whoever watches is never behind; only for steps it does not wait. A process ends when it gets
SIGTERM, and when nobody listens any more; in both cases its run leaves a checkpoint. A process that is killed
or breaks takes only its own run with it.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

import torch

from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.place import folder_of
from archkit.bench.sweep.run import Ended, Run, WatchRun, failed
from archkit.bench.sweep.shared_data import SharedData, shared
from archkit.bench.sweep.worker import Message, Warned, serve
from archkit.bench.train.device import takes_turns
from archkit.bench.train.events import Step, Watch
from archkit.errors import ArchkitError, RunError

__all__ = ["run_at_once"]

_TO_LEAVE: Final = 60.0  # seconds that a process gets to write its checkpoint

# Spawned, because a forked process cannot use CUDA once its parent has.
_CONTEXT: Final = multiprocessing.get_context("spawn")


def run_at_once(
    runs: Sequence[Run], data: DataSet, conduct: Conduct, *, jobs: int, watch: WatchRun
) -> Generator[Ended, None, None]:
    """Does what `archkit.bench.sweep.run_suite.run_suite` promises for several jobs."""
    waiting = deque(enumerate(runs))
    workers: list[_Worker] = []
    threads = max(1, torch.get_num_threads() // jobs)
    conduct = replace(conduct, sharing=min(jobs, max(1, len(runs))))
    if takes_turns(conduct.device):
        warnings.warn(
            "runs at once take turns on a GPU unless NVIDIA's MPS is running (nvidia-cuda-mps-control -d)",
            stacklevel=2,
        )
    with tempfile.TemporaryDirectory(prefix="archkit-") as folder:
        images = shared(data, Path(folder))
        try:
            while waiting or any(worker.busy for worker in workers):
                while waiting and sum(worker.busy for worker in workers) < jobs:
                    number, run = waiting.popleft()
                    free = next((worker for worker in workers if not worker.busy), None)
                    if free is None:
                        free = _Worker(images, conduct, threads)
                        workers.append(free)
                    try:
                        place = folder_of(run, data, conduct.root)
                        free.begin(run, place, watch(number, run, place))
                    except ArchkitError as error:
                        yield failed(run, error)
                for pipe in wait([worker.pipe for worker in workers if worker.busy]):
                    worker = next(worker for worker in workers if worker.pipe is pipe)
                    ended = worker.hear()
                    if worker.gone:
                        workers.remove(worker)
                    if ended is not None:
                        yield ended
        finally:
            _stop(workers)


class _Worker:
    """A process and the run that it is at, seen from outside."""

    def __init__(self, data: SharedData, conduct: Conduct, threads: int) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=serve, args=(theirs, data, conduct, threads))
        # It would be started with the first process otherwise, and would let the signal through again.
        resource_tracker.ensure_running()
        # A Ctrl-C goes to all processes of a terminal. This one tells the others, which never see it
        # themselves.
        with _held(signal.SIGINT):
            self.process.start()
        theirs.close()
        self.gone = False
        self._owes_answer = False
        self._run: Run | None = None
        self._watching = ExitStack()
        self._watch: Watch | None = None

    @property
    def busy(self) -> bool:
        """Whether it is at a run."""
        return self._run is not None

    def begin(self, run: Run, folder: Path, watching: AbstractContextManager[Watch]) -> None:
        """Gives the process a run, and remembers who watches it.

        Raises:
            ArchkitError: `watching` raised it when it was entered.
        """
        self._watch = self._watching.enter_context(watching)
        self._run = run
        with suppress(BrokenPipeError):  # it has died in the meantime, which `hear` will notice
            self.pipe.send((run, folder))

    def hear(self) -> Ended | None:
        """Passes on the next message of the process; if its run has ended, says how."""
        run = self._run
        if run is None:
            return None
        message = self._received(run)
        if isinstance(message, Ended):
            self._run = None
            self._watching.close()
            return message
        if isinstance(message, Warned):
            warnings.warn(message.text, stacklevel=2)
        elif self._watch is not None:
            self._watch(message)
        self._answer()
        return None

    def close(self) -> None:
        """Waits for the end of the process, which was told to end, and passes on what it still says."""
        deadline = time.monotonic() + _TO_LEAVE
        try:
            self._answer()  # it still waits for one if its last message met with an exception here
            while self.busy and self.pipe.poll(max(0.0, deadline - time.monotonic())):
                self.hear()
        finally:
            self.pipe.close()  # if it still waits for an answer, it stops waiting now
            self.process.join(max(0.1, deadline - time.monotonic()))
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
            self._watching.close()

    def _received(self, run: Run) -> Message:
        """The next message, whole: half of one, left in the pipe, would be taken for the next."""
        with _held(signal.SIGINT, signal.SIGTERM):
            try:
                message: Message = self.pipe.recv()
            except (EOFError, ConnectionResetError):
                return Ended(run=run, error=RunError(self._death()))
            self._owes_answer = not isinstance(message, Step | Ended)
            return message

    def _answer(self) -> None:
        with _held(signal.SIGINT, signal.SIGTERM):
            if self._owes_answer:
                self._owes_answer = False
                with suppress(BrokenPipeError):  # as in `begin`
                    self.pipe.send(None)

    def _death(self) -> str:
        """How the process ended, as a sentence."""
        self.gone = True
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (", as when memory runs out" if code == -9 else "")


def _stop(workers: Sequence[_Worker]) -> None:
    """Ends all processes by SIGTERM, those that are at a run and those that are not."""
    for worker in workers:
        worker.process.terminate()
    with ExitStack() as stack:  # closes all of them, even if one fails
        for worker in workers:
            stack.callback(worker.close)


@contextmanager
def _held(*numbers: signal.Signals) -> Iterator[None]:
    """Lets these signals wait until the end of the block; processes that are started in it never see them."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
