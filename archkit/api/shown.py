"""How far long work is, in a cell of a notebook; elsewhere nothing is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any, Final, TypeAlias

__all__ = ["Told", "in_a_kernel", "shown"]

Told: TypeAlias = Callable[[str, int, int], None]
"""Is called with what is being done, how much of it is done, and how much there is in all."""

_EVERY: Final = 0.2  # seconds


def in_a_kernel() -> bool:
    """Whether this runs in a notebook's kernel, as seen from a package that it has imported already."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


@contextmanager
def shown(*, wanted: bool = True) -> Iterator[Told]:
    """A bar in the cell's output while the block goes on; it is gone afterwards."""
    if not wanted or not in_a_kernel():
        yield lambda _what, _done, _total: None
        return
    bar = _Bar()
    try:
        yield bar.tell
    finally:
        bar.clear()


class _Bar:
    def __init__(self) -> None:
        self._handle: Any = None
        self._last = time.monotonic()

    def tell(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < _EVERY:
            return
        self._last = now
        text = f"{escape(what)}: {done:,} of {total:,}"
        self._put(f'<progress value="{done}" max="{max(total, 1)}"></progress> {text}')

    def clear(self) -> None:
        if self._handle is not None:
            self._put("")

    def _put(self, text: str) -> None:
        ipython: Any = import_module("IPython.display")
        if self._handle is None:
            self._handle = ipython.display(ipython.HTML(text), display_id=True)
        else:
            self._handle.update(ipython.HTML(text))
