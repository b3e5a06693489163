"""What is said when training is interrupted; and warnings as lines."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from archkit.cli.render import say
from archkit.cli.stopping import Terminated
from archkit.errors import ArchkitError

if TYPE_CHECKING:
    from pathlib import Path

    from archkit.bench.train.events import Event, Saved, Watch

__all__ = ["Checkpoints", "interruptible", "warnings_in_lines"]


class Checkpoints:
    """Remembers the latest checkpoint of each run, in order to say how to go on."""

    def __init__(self) -> None:
        self._latest: dict[Path, Saved] = {}

    def noted(self, watch: Watch) -> Watch:
        """The `watch` of a run, with every checkpoint noted here before it is called."""
        from archkit.bench.train.events import Saved

        def both(event: Event) -> None:
            if isinstance(event, Saved):
                self._latest[event.folder] = event
            watch(event)

        return both

    @property
    def any_left(self) -> bool:
        """Whether there is a checkpoint."""
        return bool(self._left())

    @property
    def left(self) -> str:
        """What an interruption leaves."""
        match self._left():
            case []:
                return "nothing is left of this run"
            case [one]:
                done = f"epoch {one.epoch} of {one.epochs} is kept in {one.folder}"
                return f"{done}; the same command with --resume goes on from there"
            case several:
                kept = f"checkpoints of {len(several)} runs are kept in {several[0].folder.parent}"
                return f"{kept}; the same command with --resume goes on from there"

    def _left(self) -> list[Saved]:
        """Those that are still there: a run removes its own when it is finished or its loss is not finite."""
        return [saved for saved in self._latest.values() if saved.folder.is_dir()]


@contextmanager
def interruptible() -> Iterator[Checkpoints]:
    """Ends with a line at Ctrl-C, SIGTERM and SIGHUP, and with 128 plus the signal's number, as shells do."""
    checkpoints = Checkpoints()
    try:
        yield checkpoints
    except ArchkitError:
        if checkpoints.any_left:  # the error itself is printed where all errors are
            say(checkpoints.left)
        raise
    except KeyboardInterrupt as error:
        say(f"interrupted; {checkpoints.left}")
        raise typer.Exit(128 + signal.SIGINT) from error
    except Terminated as error:
        say(f"{error.word}; {checkpoints.left}")
        raise typer.Exit(error.code) from error


@contextmanager
def warnings_in_lines(*, quiet: bool) -> Iterator[None]:
    """Shows Python's warnings as lines like all others, without the code that they come from."""

    def said(message: Warning | str, *_where: object, **_more: object) -> None:
        if not quiet:
            say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = said
        yield
