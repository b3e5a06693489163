"""What long work shows on a terminal, on standard error: how much is done, and how long it has taken."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Tell", "in_a_notebook", "on_a_terminal", "working"]

Tell: TypeAlias = Callable[[int, int | None], None]
"""Called with how much is done and how much there is in all, or None if that is not known."""

_DELAY: Final = 0.7  # seconds; shorter work shows nothing


def in_a_notebook() -> bool:
    """Whether a cell of a notebook runs this command: `!archkit solve ...`.

    Jupyter gives its commands a terminal that knows a return to the start of the line, and no way up.
    """
    return "JPY_PARENT_PID" in os.environ


def on_a_terminal() -> bool:
    """Whether standard error is a terminal on which several lines can be drawn anew."""
    return sys.stderr.isatty() and not in_a_notebook()


@contextmanager
def working(text: str, *, quiet: bool = False) -> Iterator[Tell]:
    """Shows a text and a spinner while work goes on; the work calls what is yielded to say how far it is.

    Nothing is shown if standard error is not a terminal, or with `quiet`.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    if in_a_notebook():
        line = _Line(text)
        try:
            yield line.tell
        finally:
            line.clear()
        return
    shown = _Shown(text)
    timer = threading.Timer(_DELAY, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield shown.tell
    finally:
        timer.cancel()
        shown.stop()


class _Shown:
    """A spinner, the text, how much is done and the time; shown only when the work turns out to be long."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._progress: Progress | None = None
        self._lock = threading.Lock()
        self._over = False
        self._done: tuple[int, int | None] = (0, None)

    def start(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._over:
                return
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task(self._label())
            self._progress.start()

    def stop(self) -> None:
        with self._lock:
            self._over = True
            if self._progress is not None:
                self._progress.stop()

    def tell(self, done: int, total: int | None) -> None:
        self._done = (done, total)
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], description=self._label())

    def _label(self) -> str:
        return _label(self._text, *self._done)


class _Line:
    """The same as one line that is written over itself, in a notebook."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = self._last = time.monotonic()
        self._length = 0

    def tell(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._last < _DELAY:
            return
        self._last = now
        self._put(f"{_label(self._text, done, total)} ({now - self._start:.0f} s)")

    def clear(self) -> None:
        if self._length:
            self._put("")
            sys.stderr.write("\r")

    def _put(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._length))
        sys.stderr.flush()
        self._length = len(text)


def _label(text: str, done: int, total: int | None) -> str:
    if not done:
        return text
    return f"{text}: {done:,}" + (f" of at most {total:,}" if total is not None else "")
