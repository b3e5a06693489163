"""What a command says when Ctrl-C stops it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import typer

__all__ = ["Stopped", "stoppable", "when_stopped"]

_P = ParamSpec("_P")


class Stopped(typer.Abort):
    """Ctrl-C has stopped a command; the text says so, and what was kept if the command knows."""


def stoppable(command: Callable[_P, None]) -> Callable[_P, None]:
    """The same command, except that Ctrl-C ends it with `Stopped`.

    Left to itself, Typer would end it with the right exit code but without a word.
    """

    @functools.wraps(command)
    def wrapper(*args: _P.args, **options: _P.kwargs) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt as error:
            raise Stopped("interrupted") from error

    return wrapper


@contextmanager
def when_stopped(kept: str) -> Iterator[None]:
    """Turn Ctrl-C into `Stopped`, with a text that says what is kept of the work."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Stopped(f"interrupted; {kept}") from error
