"""`serve`: the work of a process that `archkit.bench.sweep.at_once` starts: one run after the other."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType
from typing import Final, TypeAlias

import torch

from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.run import Ended
from archkit.bench.sweep.shared_data import SharedData, mapped
from archkit.bench.train.events import Event, Step

__all__ = ["Message", "Stopped", "Teller", "Warned", "serve"]

_STEP_SPACING: Final = 0.1  # seconds between two steps that are told


@dataclass(frozen=True, kw_only=True, slots=True)
class Warned:
    """A warning, as text."""

    text: str


Message: TypeAlias = Event | Warned | Ended


class Stopped(BaseException):
    """The process is to end; not an Exception, so that nothing takes it for an error of the run."""


def serve(pipe: Connection, data: SharedData, conduct: Conduct, threads: int) -> None:
    """Takes runs and their folders from the pipe until there are no more."""
    teller = Teller(pipe)

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second signal would cut the checkpoint off
        teller.stop()

    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, stop)
        torch.set_num_threads(threads)
        # Of torch's compiler, which takes one for each core otherwise, and is imported when it is needed.
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", str(threads))
        images = mapped(data)
        warnings.showwarning = teller.warn
        while True:
            run, folder = pipe.recv()
            pipe.send(conduct.carry_out(run, folder, images, teller))
    except (Stopped, EOFError, ConnectionError):
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Teller:
    """A Watch that sends what it is told through a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._last_step = 0.0
        self._talking = False
        self._to_stop = False

    def __call__(self, event: Event) -> None:
        """Sends an event and waits for the answer; of steps only some are sent, and it does not wait."""
        if isinstance(event, Step):
            now = time.monotonic()
            if event.step not in (1, event.steps) and now - self._last_step < _STEP_SPACING:
                return
            self._last_step = now
            with self._whole():
                self._pipe.send(event)
        else:
            self._tell(event)

    def warn(self, message: Warning | str, *_where: object, **_more: object) -> None:
        """Sends a warning; takes the place of `warnings.showwarning`."""
        self._tell(Warned(text=str(message)))

    def stop(self) -> None:
        """Ends the run: at once, or after the message that is on its way.

        If a message were cut off, its rest would be taken for the next one.

        Raises:
            Stopped: to end it at once.
        """
        if not self._talking:
            raise Stopped
        self._to_stop = True

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Protects the block from being cut off by `stop`."""
        self._talking = True
        try:
            yield
        finally:
            self._talking = False
        if self._to_stop:
            self._to_stop = False
            raise Stopped

    def _tell(self, message: Message) -> None:
        with self._whole():
            self._pipe.send(message)
            try:
                self._pipe.recv()
            except (
                EOFError
            ) as error:  # nobody listens any more, as with a pipe of the shell: no error of the run
                raise BrokenPipeError("nobody listens any more") from error
