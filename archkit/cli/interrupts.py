"""What a training run says when it is interrupted, and its warnings as lines."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from archkit.cli.render import say
from archkit.errors import ArchkitError

if TYPE_CHECKING:
    from pathlib import Path

    from archkit.bench.events import Event, Saved, Watch

__all__ = ["Checkpoints", "interruptible", "warnings_in_lines"]


class Checkpoints:
    """Remembers the latest checkpoint of each run, to say how to go on."""

    def __init__(self) -> None:
        self._latest: dict[Path, Saved] = {}

    def noted(self, watch: Watch) -> Watch:
        """`watch` of a run, every checkpoint seen here before."""
        from archkit.bench.events import Saved

        def both(event: Event) -> None:
            if isinstance(event, Saved):
                self._latest[event.folder] = event
            watch(event)

        return both

    @property
    def any_left(self) -> bool:
        """Whether a checkpoint lies there."""
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
        """Those that are still there: a run that ends, and a loss that is not finite, take theirs away."""
        return [saved for saved in self._latest.values() if saved.folder.is_dir()]


@contextmanager
def interruptible() -> Iterator[Checkpoints]:
    """Ends on Ctrl-C and on SIGTERM with a line and the shell's exit code, 128 plus the signal.

    Both unwind the stack, so that whatever was half-written is cleared away before.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's signature
        raise _Terminated

    checkpoints = Checkpoints()
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield checkpoints
    except ArchkitError:
        if checkpoints.any_left:  # the error itself is said where all errors are
            say(checkpoints.left)
        raise
    except KeyboardInterrupt as error:
        say(f"interrupted; {checkpoints.left}")
        raise typer.Exit(128 + signal.SIGINT) from error
    except _Terminated as error:
        say(f"terminated; {checkpoints.left}")
        raise typer.Exit(128 + signal.SIGTERM) from error
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def warnings_in_lines(*, quiet: bool) -> Iterator[None]:
    """Has Python's warnings said as lines like all others, without the code that they come from."""

    def said(message: Warning | str, *_where: object, **_more: object) -> None:
        if not quiet:
            say(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = said
        yield


class _Terminated(BaseException):
    """A SIGTERM came; no Exception, so that nothing takes it for an error of its own."""
