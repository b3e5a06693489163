"""Standard output that may be closed, on a full disk, or read by somebody who stops reading."""

from __future__ import annotations

import os
from typing import Any, Final, TextIO

from archkit.errors import OutputError

__all__ = ["READER_GONE", "ReaderGone", "StdoutError", "abandon", "guarded"]

READER_GONE: Final = 141
"""The exit code when nobody reads any more: 128 + SIGPIPE, as shells have it."""


class ReaderGone(Exception):  # noqa: N818 - nothing is wrong: `| head` has read what it wanted
    """Nobody reads standard output any more. Not an OSError, since Rich makes an exit code of 1 of that."""


class StdoutError(OutputError):
    """Standard output is closed, or does not take what is written."""


class _Guarded:
    """A stream whose failures say that it was standard output that failed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            raise _said(error) from error

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise _said(error) from error


def guarded(stream: TextIO | None) -> TextIO:
    """Standard output whose `write` and `flush` raise `ReaderGone` or `StdoutError`, never OSError.

    Raises:
        StdoutError: there is no standard output: it was closed before the start.
    """
    if stream is None:
        raise StdoutError("standard output is closed")
    found: Any = _Guarded(stream)
    return found  # type: ignore[no-any-return]  # it has all that a stream has


def abandon(*descriptors: int) -> None:
    """Let what is still to be written there go, so that the interpreter does not try it again at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)


def _said(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return ReaderGone()
    return StdoutError(f"cannot write to standard output: {error.strerror or error}")
