"""How a training run is shown while it runs, on standard error: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from archkit.bench.events import Estimate, Event, Step, Watch
    from archkit.bench.results import EpochRow

__all__ = ["duration", "percent", "watching"]

_SILENCE: Final = 30.0  # seconds without a line, after which a step is worth one


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """A Watch that shows what it is told; nothing when `quiet`.

    `with watching(quiet=False) as watch: train(..., watch=watch)`
    """
    if quiet:
        from archkit.bench.events import ignore

        yield ignore
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True, markup=False, highlight=False)
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            transient=True,
        )
        with progress:
            yield _Bars(progress)
    else:
        yield _Lines(_to_stderr)


class _Lines:
    """A line for the estimate and each epoch; within a long epoch, one every half minute."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put
        self._epochs = 0
        self._began: float | None = None
        self._spoke = time.monotonic()

    def __call__(self, event: Event) -> None:
        from archkit.bench.events import Estimate, Step

        if isinstance(event, Estimate):
            self._say(_expected(event))
        elif isinstance(event, Step):
            self._epochs = event.epochs
            if self._began is None:
                self._began = time.monotonic()
            if time.monotonic() - self._spoke > _SILENCE:
                self._say(f"epoch {event.epoch}/{event.epochs}  step {event.step}/{event.steps}")
        else:
            self._say(_epoch(event, self._epochs) + self._left(event.epoch))

    def _left(self, done: int) -> str:
        """What the epochs so far let expect of the others."""
        if self._began is None or done == self._epochs:
            return ""
        return f"  {duration((time.monotonic() - self._began) / done * (self._epochs - done))} left"

    def _say(self, text: str) -> None:
        self._put(text)
        self._spoke = time.monotonic()


class _Bars:
    """The same lines above two bars: steps of the run, and of the epoch."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._run: TaskID | None = None
        self._epoch: TaskID | None = None
        self._epochs = 0

    def __call__(self, event: Event) -> None:
        from archkit.bench.events import Estimate, Step

        if isinstance(event, Estimate):
            self._progress.console.print(_expected(event))
        elif isinstance(event, Step):
            self._step(event)
        else:
            self._progress.console.print(_epoch(event, self._epochs))
            if self._run is not None:
                self._progress.update(self._run, note=_rates(event))

    def _step(self, event: Step) -> None:
        if self._run is None or self._epoch is None:
            self._epochs = event.epochs
            self._run = self._progress.add_task("run", total=event.epochs * event.steps, note="")
            self._epoch = self._progress.add_task("epoch", total=event.steps, note="")
        if event.step == 1:
            name = f"epoch {event.epoch}/{event.epochs}"
            self._progress.reset(self._epoch, total=event.steps, description=name)
        self._progress.update(self._run, completed=(event.epoch - 1) * event.steps + event.step)
        self._progress.update(self._epoch, completed=event.step)


def percent(correct: int, total: int) -> str:
    """A share in percent, two places, rounded down: 99.99% is never shown as 100%."""
    hundredths = correct * 10_000 // total
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def duration(seconds: float) -> str:
    """Time to read: `4.2 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes = round(seconds) // 60
    if minutes < 60:
        return f"{minutes} min {round(seconds) % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _expected(estimate: Estimate) -> str:
    each = sorted(estimate.step_seconds)[len(estimate.step_seconds) // 2]
    return (
        f"about {duration(estimate.seconds)}: {estimate.steps:,} steps of {each * 1000:.0f} ms,"
        f" measured on {len(estimate.step_seconds)}"
    )


def _epoch(row: EpochRow, epochs: int) -> str:
    parts = [
        f"epoch {row.epoch}/{epochs}",
        f"loss {row.train_loss:.4f}",
        f"train {percent(row.train_correct, row.train_total)}",
    ]
    if row.validation is not None:
        mark = " best" if row.best else ""
        parts.append(f"validation {percent(row.validation.correct, row.validation.total)}{mark}")
    return "  ".join([*parts, f"lr {row.lr:.2g}", _rates(row), duration(row.seconds)])


def _rates(row: EpochRow) -> str:
    return f"{row.images_per_second:,.0f} images/s"


def _to_stderr(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
