"""What long work shows on a terminal, on standard error: how much is done, and how long it has taken."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Tell", "working"]

Tell: TypeAlias = Callable[[int, int | None], None]
"""Called with how much is done and how much there is in all, or None if that is not known."""

_DELAY: Final = 0.7  # seconds; shorter work shows nothing


@contextmanager
def working(text: str, *, quiet: bool = False) -> Iterator[Tell]:
    """Shows a text and a spinner while work goes on; the work calls what is yielded to say how far it is.

    Nothing is shown if standard error is not a terminal, or with `quiet`.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
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
        done, total = self._done
        if not done:
            return self._text
        return f"{self._text}: {done:,}" + (f" of at most {total:,}" if total is not None else "")
