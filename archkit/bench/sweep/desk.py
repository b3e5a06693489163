"""`Desk`: the one place that writes run folders while trials go on on other machines.

It is an actor of Ray's on the driver's machine. A trial asks it for the claim on its folder, sends it
checkpoints, events and, at the end, the bytes of its files; so that nothing is lost when the trial's machine
is, and no file system need be shared. What it is sent are names and bytes; other names are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from archkit.bench.sweep.folder import RUN_FILES, finish, to_start_from, working_folder
from archkit.bench.sweep.place import already_there
from archkit.bench.sweep.run import Ended, Finished, Run
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.events import Event, Saved
from archkit.bench.train.results import EPOCHS_FILE
from archkit.errors import ArchkitError, OutputError, RunError
from archkit.files import replacing

__all__ = ["Begun", "Desk", "Files", "News", "Trial"]

Files: TypeAlias = Mapping[str, bytes]
"""The files of a folder, by their names."""

RETRIES: Final = 3
"""How often a trial begins again that has lost its process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A run of a sweep, with what the driver alone knows of it."""

    number: int
    run: Run
    folder: Path
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """What a trial is to do.

    Attributes:
        error: why it must not go on, or None.
        done: the finished run, if it is there already.
        files: what an earlier attempt left: a checkpoint, or nothing.
        stopped: whether the sweep is being ended.
    """

    error: ArchkitError | None = None
    done: Finished | None = None
    files: Files | None = None
    stopped: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """Something for the driver: a trial has begun or ended, or tells what its Watch is to hear.

    Attributes:
        number: the trial's.
        event: what it tells; None for its beginning and its end.
        ended: how it has ended, if it has.
    """

    number: int
    event: Event | None = None
    ended: Ended | None = None


class Desk:
    """Holds the claims, writes the folders and passes on what trials tell.

    Args:
        device: the kind of device that trials run on, `cpu` or `cuda`.
        force: whether finished and interrupted runs are run again.
        resume: whether interrupted runs go on.
    """

    def __init__(self, *, device: str, force: bool, resume: bool) -> None:
        self._device, self._force, self._resume = device, force, resume
        self._held: dict[int, ExitStack] = {}
        self._partial: dict[int, Path] = {}
        self._attempts: dict[int, int] = {}
        self._finished: dict[int, Finished] = {}
        self._news: list[News] = []
        self._before = 0  # news that were heard and are forgotten
        self._change = asyncio.Condition()
        self._stopped = False

    async def begin(self, trial: Trial) -> Begun:
        """Claims the folder of a trial that begins, or begins again because its process was lost."""
        number = trial.number
        if self._stopped:
            return Begun(stopped=True)
        if number in self._finished:  # and the answer was lost
            return Begun(done=self._finished[number])
        attempt = self._attempts[number] = self._attempts.get(number, 0) + 1
        if attempt > 1 + RETRIES:
            return Begun(error=RunError(f"its process was lost {attempt - 1} times"))
        try:
            if number not in self._held:
                done = self._claim(trial)
                if done is not None:
                    await self._say(News(number=number, ended=Ended(run=trial.run, done=done)))
                    return Begun(done=done)
            again = attempt > 1
            start = to_start_from(
                self._partial[number],
                trial.key,
                device=self._device,
                resume=self._resume or again,
                force=self._force and not again,
            )
            path = self._partial[number] / CHECKPOINT_FILE
            if start is None:
                path.unlink(missing_ok=True)
            files = {} if start is None else {CHECKPOINT_FILE: path.read_bytes()}
        except (ArchkitError, OSError) as error:
            problem = error if isinstance(error, ArchkitError) else OutputError(str(error))
            await self.fail(trial, problem)
            return Begun(error=problem)
        await self._say(News(number=number))
        return Begun(files=files)

    def _claim(self, trial: Trial) -> Finished | None:
        """Claims a folder; gives the finished run instead if it is there."""
        stack = ExitStack()
        with stack:
            if (found := already_there(trial.folder, trial.key, force=self._force)) is None:
                partial, _ = stack.enter_context(working_folder(trial.folder))
                found = already_there(trial.folder, trial.key, force=self._force)
            if found is not None:
                return Finished(folder=trial.folder, result=found)
            self._partial[trial.number], self._held[trial.number] = partial, stack.pop_all()
        return None

    async def tell(self, number: int, event: Event) -> None:
        """Passes an event on; returns when the driver has heard it."""
        if isinstance(event, Saved) and number in self._partial:  # it was written here, not where it is said
            event = Saved(
                epoch=event.epoch, epochs=event.epochs, folder=self._partial[number], resumed=event.resumed
            )
        await self._heard(await self._say(News(number=number, event=event)))

    async def keep(self, number: int, files: Files) -> None:
        """Writes a checkpoint and the epochs so far."""
        await asyncio.to_thread(self._write, number, files, (CHECKPOINT_FILE, EPOCHS_FILE))

    async def finish(self, trial: Trial, files: Files, done: Finished) -> Finished:
        """Writes the files of a finished run, under its name when all are there.

        Raises:
            OutputError: they cannot be written.
        """
        number, folder = trial.number, trial.folder
        await self._heard(self._before + len(self._news))  # loggers write into the folder that gets its name
        try:
            await asyncio.to_thread(self._write, number, files, tuple(files))
            await asyncio.to_thread(finish, self._partial[number], folder)
        except OSError as error:
            problem = OutputError(f"cannot write {error.filename or folder}: {error.strerror or error}")
            await self.fail(trial, problem)
            raise problem from error
        self._finished[number] = Finished(folder=folder, result=done.result, rows=done.rows, fresh=True)
        self._close(number, None)
        await self._say(News(number=number, ended=Ended(run=trial.run, done=self._finished[number])))
        return self._finished[number]

    async def fail(self, trial: Trial, error: ArchkitError) -> None:
        """Gives the folder of a failed trial up; its checkpoint stays unless the loss was not finite."""
        self._close(trial.number, error)
        await self._say(News(number=trial.number, ended=Ended(run=trial.run, error=error)))

    async def lose(self, number: int) -> None:
        """Gives the folder of a trial up that Ray has given up."""
        self._close(number, RunError("its process was lost"))

    async def stop(self) -> None:
        """From now on no trial begins."""
        self._stopped = True

    async def close(self) -> None:
        """Gives up the folders of the trials that were stopped; their checkpoints stay."""
        for number in list(self._held):
            self._close(number, RunError("stopped"))

    async def news(self, heard: int) -> Sequence[News]:
        """Everything since the first `heard` news, as soon as there is something; at most a second later."""
        async with self._change:
            del self._news[: max(0, heard - self._before)]
            self._before = heard
            self._change.notify_all()
            if not self._news:
                try:
                    await asyncio.wait_for(self._change.wait_for(lambda: self._news), 1.0)
                except TimeoutError:
                    return ()
            return tuple(self._news)

    async def _say(self, news: News) -> int:
        """Adds to the news; returns how many there have been."""
        async with self._change:
            self._news.append(news)
            self._change.notify_all()
            return self._before + len(self._news)

    async def _heard(self, count: int) -> None:
        async with self._change:
            await self._change.wait_for(lambda: self._before >= count)

    def _write(self, number: int, files: Files, own: Sequence[str]) -> None:
        partial = self._partial[number]
        for name, content in files.items():
            if name not in own or name not in RUN_FILES:
                raise OutputError(f"{name!r} is not a file of a run")
            with replacing(partial / name, durable=name == CHECKPOINT_FILE) as new:
                new.write_bytes(content)

    def _close(self, number: int, error: BaseException | None) -> None:
        stack: Any = self._held.pop(number, None)
        self._partial.pop(number, None)
        if stack is not None:
            stack.__exit__(None if error is None else type(error), error, None)
