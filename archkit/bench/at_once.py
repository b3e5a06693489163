"""Several runs of a suite at once on one device, in processes of their own.

Each process takes one run after the other. Through a pipe it tells what its run tells, and but for steps it
waits until it has been heard, so that whoever watches is never behind. It ends when it is told to, by
SIGTERM, and when nobody listens any more; either way its run leaves a checkpoint. A process that is killed
or breaks takes only its own run with it.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import signal
import sys
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import torch

from archkit.bench.data import DataSet
from archkit.bench.events import Event, Step, Watch
from archkit.bench.one_run import Ended, How, Placed
from archkit.bench.suite import SuiteRun
from archkit.errors import ArchkitError, OutputError, RunError

if TYPE_CHECKING:
    from archkit.bench.run_suite import WatchRun

__all__ = ["run_at_once"]

_STEPS_EACH: Final = 0.1  # seconds between two steps that are told
_TO_LEAVE: Final = 60.0  # seconds for a process to write its checkpoint

# Spawned, for a forked process cannot use CUDA once its parent has.
_CONTEXT: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Warned:
    """A warning, as text."""

    text: str


_Told: TypeAlias = Event | _Warned | Ended


def run_at_once(
    runs: Sequence[SuiteRun], data: DataSet, how: How, *, jobs: int, watch: WatchRun
) -> Generator[Ended, None, None]:
    """As `archkit.bench.run_suite.run_suite` with several jobs, which it is the work of."""
    waiting = deque(enumerate(runs))
    workers: list[_Worker] = []
    threads = max(1, torch.get_num_threads() // jobs)
    with tempfile.TemporaryDirectory(prefix="archkit-") as folder:
        stored = _store(data, Path(folder))
        try:
            while waiting or any(worker.busy for worker in workers):
                while waiting and sum(worker.busy for worker in workers) < jobs:
                    number, run = waiting.popleft()
                    free = next((worker for worker in workers if not worker.busy), None)
                    if free is None:
                        free = _Worker(stored, how, threads)
                        workers.append(free)
                    try:
                        placed = Placed.of(run, data, how.root)
                        free.begin(placed, watch(number, run, placed.folder))
                    except ArchkitError as error:
                        yield Ended(run=run, done=None, error=error)
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
    """A process and the run it is at, seen from outside."""

    def __init__(self, stored: dict[str, Any], how: How, threads: int) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_work, args=(theirs, stored, how, threads))
        # Starts with the first process otherwise, and lets the signal through again.
        resource_tracker.ensure_running()
        # A Ctrl-C goes to all processes of a terminal; this one tells the others, which never see it.
        with _held(signal.SIGINT):
            self.process.start()
        theirs.close()
        self.gone = False
        self._owes_answer = False
        self._placed: Placed | None = None
        self._watching = ExitStack()
        self._watch: Watch | None = None

    @property
    def busy(self) -> bool:
        """Whether it is at a run."""
        return self._placed is not None

    def begin(self, placed: Placed, watching: AbstractContextManager[Watch]) -> None:
        """Gives it a run, and whoever is to be told of it.

        Raises:
            ArchkitError: what `watching` raises when it is entered.
        """
        self._watch = self._watching.enter_context(watching)
        self._placed = placed
        with suppress(BrokenPipeError):  # it has died since: noticed when it is to be heard
            self.pipe.send(placed)

    def hear(self) -> Ended | None:
        """Takes what it says next and passes it on; what its run came to, when that is what it says."""
        placed = self._placed
        if placed is None:
            return None
        told = self._taken(placed)
        if isinstance(told, Ended):
            self._placed = None
            self._watching.close()
            return told
        if isinstance(told, _Warned):
            warnings.warn(told.text, stacklevel=2)
        elif self._watch is not None:
            self._watch(told)
        self._answer()
        return None

    def close(self) -> None:
        """Waits until it has ended, passing on what it still says; it has been told to."""
        deadline = time.monotonic() + _TO_LEAVE
        try:
            self._answer()  # what it waits for, where its last words met with an exception
            while self.busy and self.pipe.poll(max(0.0, deadline - time.monotonic())):
                self.hear()
        finally:
            self.pipe.close()  # should it still wait to be heard, it waits no more
            self.process.join(max(0.1, deadline - time.monotonic()))
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
            self._watching.close()

    def _taken(self, placed: Placed) -> _Told:
        """The next message, whole: half of one left in the pipe would be taken for the next."""
        with _held(signal.SIGINT, signal.SIGTERM):
            try:
                told: _Told = self.pipe.recv()
            except (EOFError, ConnectionResetError):
                return Ended(run=placed.run, done=None, error=RunError(self._death()))
            self._owes_answer = not isinstance(told, Step | Ended)
            return told

    def _answer(self) -> None:
        with _held(signal.SIGINT, signal.SIGTERM):
            if self._owes_answer:
                self._owes_answer = False
                with suppress(BrokenPipeError):  # as in `begin`
                    self.pipe.send(None)

    def _death(self) -> str:
        """Says how the process ended."""
        self.gone = True
        self.process.join()
        code = self.process.exitcode or 0
        if code >= 0:
            return f"its process ended with code {code}"
        name = signal.Signals(-code).name
        return f"its process was ended by {name}" + (", as when memory runs out" if code == -9 else "")


def _stop(workers: Sequence[_Worker]) -> None:
    """Ends the processes: the idle ones and, by SIGTERM, those that are at a run."""
    for worker in workers:
        worker.process.terminate()
    with ExitStack() as stack:  # all of them, though one fails
        for worker in workers:
            stack.callback(worker.close)


@contextmanager
def _held(*numbers: signal.Signals) -> Iterator[None]:
    """Lets these signals wait until the block is left; processes that start in it never see them."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _store(data: DataSet, folder: Path) -> dict[str, Any]:
    """Writes a data set's arrays to files that all processes map; what `_mapped` makes it from again.

    Raises:
        OutputError: they cannot be written.
    """
    stored: dict[str, Any] = {}
    try:
        for field in dataclasses.fields(data):
            value = getattr(data, field.name)
            if isinstance(value, np.ndarray):
                stored[field.name] = folder / f"{field.name}.npy"
                np.save(stored[field.name], value)
            else:
                stored[field.name] = value
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    return stored


def _mapped(stored: dict[str, Any]) -> DataSet:
    def value(of: Any) -> Any:
        return np.load(of, mmap_mode="r") if isinstance(of, Path) else of

    return DataSet(**{name: value(of) for name, of in stored.items()})


# From here on, what a worker's process does.


class _Stopped(BaseException):
    """It is to end; no Exception, so that nothing takes it for an error of its own."""


def _work(pipe: Connection, stored: dict[str, Any], how: How, threads: int) -> None:
    """Takes runs until there are no more."""
    teller = _Teller(pipe)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second would cut the checkpoint off
        teller.stop()

    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, stop)
        torch.set_num_threads(threads)
        data = _mapped(stored)
        warnings.showwarning = teller.warn
        while True:
            placed: Placed = pipe.recv()
            pipe.send(placed.work(data, how, teller))
    except (_Stopped, EOFError, ConnectionError):
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Teller:
    """A Watch that tells the other end of a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._last_step = 0.0
        self._talking = False
        self._to_stop = False

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            now = time.monotonic()
            if event.step not in (1, event.steps) and now - self._last_step < _STEPS_EACH:
                return
            self._last_step = now
            with self._whole():
                self._pipe.send(event)
        else:
            self._tell(event)

    def warn(self, message: Warning | str, *_where: object, **_more: object) -> None:
        """In the place of `warnings.showwarning`."""
        self._tell(_Warned(text=str(message)))

    def stop(self) -> None:
        """Ends the run, at once or after the message that is on its way.

        A message that is cut off would leave its other part to be taken for the next.

        Raises:
            _Stopped: at once.
        """
        if not self._talking:
            raise _Stopped
        self._to_stop = True

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Nothing in the block is cut off by `stop`."""
        self._talking = True
        try:
            yield
        finally:
            self._talking = False
        if self._to_stop:
            self._to_stop = False
            raise _Stopped

    def _tell(self, what: _Told) -> None:
        with self._whole():
            self._pipe.send(what)
            try:
                self._pipe.recv()
            except EOFError as error:  # no run's own: nobody listens, as for a pipe of the shell
                raise BrokenPipeError("nobody listens any more") from error
