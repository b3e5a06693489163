"""`Tally`: how far a suite has come, whatever carries it out: counts, the best run so far, the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from archkit.statistics import percent as share_in_percent

if TYPE_CHECKING:
    from archkit.bench.sweep.run import Ended

__all__ = ["Tally", "coarse", "duration", "percent"]


class Tally:
    """Counts runs that are queued, running, done and failed.

    Args:
        runs: how many there are in all.
    """

    def __init__(self, runs: int) -> None:
        self._runs = runs
        self._running: set[int] = set()
        self._done = self._failed = self._fresh = 0
        self._began: float | None = None
        self._best: tuple[float, str] | None = None

    def begin(self, number: int) -> None:
        """A run has begun."""
        self._running.add(number)
        if self._began is None:
            self._began = time.monotonic()

    def leave(self, number: int) -> None:
        """It is not going on any more."""
        self._running.discard(number)

    def end(self, number: int, ended: Ended) -> None:
        """It has ended, well or badly."""
        self.leave(number)
        if ended.done is None:
            self._failed += 1
            return
        self._done += 1
        self._fresh += ended.done.fresh
        result = ended.done.result
        score, apart = (result.validation, "val ") if result.validation is not None else (result.test, "")
        text = f"{apart}{percent(score.correct, score.total)} of run {number + 1}"
        if self._best is None or score.accuracy > self._best[0]:
            self._best = score.accuracy, text

    @property
    def seconds_left(self) -> float | None:
        """What the others take if they end as fast as those that were run here; None if none was."""
        left = self._runs - self._done - self._failed
        if not self._fresh or self._began is None:
            return None
        return (time.monotonic() - self._began) / self._fresh * left

    @property
    def text(self) -> str:
        """All of it in a line."""
        queued = self._runs - self._done - self._failed - len(self._running)
        parts = [
            f"{queued} queued",
            f"{len(self._running)} running",
            f"{self._done} done",
            f"{self._failed} failed",
        ]
        if self._best is not None:
            parts.append(f"best {self._best[1]}")
        if (seconds := self.seconds_left) is not None and seconds > 0:
            parts.append(f"{coarse(seconds)} left")
        return ", ".join(parts)


def percent(correct: int, total: int) -> str:
    """A share in percent with two places, as reports print it: 99.999% is not shown as 100%."""
    return f"{share_in_percent(correct / total)}%"


def duration(seconds: float) -> str:
    """A time for people: `4.2 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def coarse(seconds: float) -> str:
    """A time that is only expected: `40 s`, `12 min`, `2.1 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"
