"""What a command says when Ctrl-C, SIGTERM or SIGHUP stops it."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn, ParamSpec

import typer

__all__ = ["Stopped", "Terminated", "stoppable", "when_stopped"]

_P = ParamSpec("_P")

_WORDS: Final = {
    name: word
    for name, word in (("SIGTERM", "terminated"), ("SIGHUP", "hung up"))
    if hasattr(signal, name)  # Windows has no SIGHUP
}


class Stopped(typer.Abort):
    """A signal has stopped a command; the text says so, and what was kept if the command knows.

    Attributes:
        code: the exit code that shells use, 128 plus the signal.
    """

    def __init__(self, text: str, code: int = 128 + signal.SIGINT) -> None:
        super().__init__(text)
        self.code = code


class Terminated(BaseException):
    """A SIGTERM or SIGHUP came; not an Exception, so that nothing takes it for an error of its own.

    Attributes:
        word: `terminated` or `hung up`.
        code: 128 plus the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.word = _WORDS[signal.Signals(number).name]
        self.code = 128 + number


def stoppable(command: Callable[_P, None]) -> Callable[_P, None]:
    """The same command, except that Ctrl-C, SIGTERM and SIGHUP end it with `Stopped`.

    All three unwind the stack, so that everything half-written is removed. Left to itself, Typer would end it
    at Ctrl-C with the right exit code but without a word.
    """

    @functools.wraps(command)
    def wrapper(*args: _P.args, **options: _P.kwargs) -> None:
        with _raising():
            try:
                command(*args, **options)
            except KeyboardInterrupt as error:
                raise Stopped("interrupted") from error
            except Terminated as error:
                raise Stopped(error.word, error.code) from error

    return wrapper


@contextmanager
def when_stopped(kept: str) -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and SIGHUP into `Stopped`, with a text that says what is kept of the work."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Stopped(f"interrupted; {kept}") from error
    except Terminated as error:
        raise Stopped(f"{error.word}; {kept}", error.code) from error


@contextmanager
def _raising() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Terminated`; one that is ignored, as SIGHUP under nohup, stays ignored."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's signature
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread may set a handler
        return
    before = {}
    for name in _WORDS:
        number = signal.Signals[name]
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
