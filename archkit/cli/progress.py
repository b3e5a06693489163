"""How a training run is shown while it runs, on standard error: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from archkit.cli.render import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from archkit.bench.events import Estimate, Event, Saved, Step, Watch
    from archkit.bench.results import EpochRow

__all__ = ["SuiteProgress", "duration", "percent", "watching", "watching_suite"]

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
        with _new_progress() as progress:
            yield _Bars(progress, progress.console.print)
    else:
        yield _Lines(say)


@contextmanager
def watching_suite(runs: int, *, quiet: bool, jobs: int = 1) -> Iterator[SuiteProgress]:
    """What shows a suite of so many runs, `jobs` of them at once; nothing when `quiet`."""
    if not quiet and sys.stderr.isatty():
        with _new_progress() as progress:
            yield SuiteProgress(runs, progress=progress, quiet=False, jobs=jobs)
    else:
        yield SuiteProgress(runs, progress=None, quiet=quiet, jobs=jobs)


class SuiteProgress:
    """Shows runs: a bar for all above those of each run, or a line before each run's.

    Of several at once, every line says which run it is of.
    """

    def __init__(self, runs: int, *, progress: Progress | None, quiet: bool, jobs: int) -> None:
        self._runs, self._progress, self._quiet, self._jobs = runs, progress, quiet, jobs
        self._task = None if progress is None else progress.add_task("suite", total=runs, note="")
        self._shares: dict[int, float] = {}

    @contextmanager
    def run(self, number: int, title: str) -> Iterator[Watch]:
        """A Watch for one run, the first being number 0."""
        self.say(f"run {number + 1}/{self._runs}  {title}")
        if self._quiet:
            from archkit.bench.events import ignore

            yield ignore
        elif self._progress is None:
            yield _Lines(lambda text: self.say(text, number))
        else:
            bars = _Bars(self._progress, lambda text: self.say(text, number), self._name(number))
            try:
                yield self._counting(number, bars)
            finally:
                bars.remove()
                self._advance(number, 1.0)

    def say(self, text: str, number: int | None = None) -> None:
        """A line that stays; of run `number`, where it is of one."""
        if number is not None and (name := self._name(number)) is not None:
            text = f"{name}  {text}"
        if self._progress is not None:
            self._progress.console.print(text)
        elif not self._quiet:
            say(text)

    def _name(self, number: int) -> str | None:
        """What tells the lines and bars of a run from those of others; None where there are no others."""
        return f"run {number + 1}" if self._jobs > 1 else None

    def _counting(self, number: int, bars: Watch) -> Watch:
        """`bars`, every step counted as a part of its run."""
        from archkit.bench.events import Step

        def both(event: Event) -> None:
            if isinstance(event, Step):
                done = (event.epoch - 1) * event.steps + event.step
                self._advance(number, done / (event.epochs * event.steps))
            bars(event)

        return both

    def _advance(self, number: int, share: float) -> None:
        self._shares[number] = share
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=sum(self._shares.values()))


def _new_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=26),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True, markup=False, highlight=False),
        transient=True,
    )


class _Lines:
    """A line for the estimate and each epoch; within a long epoch, one every half minute."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put
        self._epochs = 0
        self._before = 0  # epochs of an earlier part of the run
        self._began: float | None = None
        self._spoke = time.monotonic()

    def __call__(self, event: Event) -> None:
        from archkit.bench.events import Estimate, Saved, Step

        if isinstance(event, Estimate):
            self._say(_expected(event))
        elif isinstance(event, Saved):
            self._before = event.epoch if event.resumed else self._before
            if event.resumed:
                self._say(_resumed(event))
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
        each = (time.monotonic() - self._began) / (done - self._before)
        return f"  {_coarse(each * (self._epochs - done))} left"

    def _say(self, text: str) -> None:
        self._put(text)
        self._spoke = time.monotonic()


class _Bars:
    """The same lines above two bars, steps of the run and of the epoch; above one where runs have names.

    Args:
        progress: what shows the bars.
        put: writes a line above them.
        name: of the run, where there are others beside it.
    """

    def __init__(self, progress: Progress, put: Callable[[str], None], name: str | None = None) -> None:
        self._progress, self._put, self._name = progress, put, name
        self._run: TaskID | None = None
        self._epoch: TaskID | None = None
        self._epochs = 0

    def __call__(self, event: Event) -> None:
        from archkit.bench.events import Estimate, Saved, Step

        if isinstance(event, Estimate):
            self._put(_expected(event))
        elif isinstance(event, Saved):
            if event.resumed:
                self._put(_resumed(event))
        elif isinstance(event, Step):
            self._step(event)
        else:
            self._put(_epoch(event, self._epochs))
            if self._run is not None:
                self._progress.update(self._run, note=_rates(event))

    def remove(self) -> None:
        """Takes the bars away."""
        for task in (self._run, self._epoch):
            if task is not None:
                self._progress.remove_task(task)

    def _step(self, event: Step) -> None:
        if self._run is None:
            self._epochs = event.epochs
            total = event.epochs * event.steps
            self._run = self._progress.add_task(self._name or "run", total=total, note="")
            if self._name is None:
                self._epoch = self._progress.add_task("epoch", total=event.steps, note="")
        if self._epoch is not None:
            if event.step == 1:
                name = f"epoch {event.epoch}/{event.epochs}"
                self._progress.reset(self._epoch, total=event.steps, description=name)
            self._progress.update(self._epoch, completed=event.step)
        self._progress.update(self._run, completed=(event.epoch - 1) * event.steps + event.step)


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


def _coarse(seconds: float) -> str:
    """A time that is no more than an expectation: `40 s`, `12 min`, `2.1 h`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def _expected(estimate: Estimate) -> str:
    each = sorted(estimate.step_seconds)[len(estimate.step_seconds) // 2]
    return (
        f"about {duration(estimate.seconds)}: {estimate.steps:,} steps of {each * 1000:.0f} ms,"
        f" measured on {len(estimate.step_seconds)}"
    )


def _resumed(event: Saved) -> str:
    return f"resumed after epoch {event.epoch} of {event.epochs} from {event.folder}"


def _epoch(row: EpochRow, epochs: int) -> str:
    # With the time left this fits into 80 columns; rates and times of an epoch are in epochs.csv.
    parts = [
        f"epoch {row.epoch}/{epochs}",
        f"loss {row.train_loss:.4f}",
        f"train {percent(row.train_correct, row.train_total)}",
    ]
    if row.validation is not None:
        parts.append(f"val {percent(row.validation.correct, row.validation.total)}")
    return "  ".join([*parts, _rates(row)])


def _rates(row: EpochRow) -> str:
    return f"{row.images_per_second:,.0f} images/s"
