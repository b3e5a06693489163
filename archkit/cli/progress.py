"""How training runs are shown on standard error while they go on: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from archkit.cli.render import say
from archkit.cli.tally import Tally, coarse, duration, percent
from archkit.cli.working import on_a_terminal
from archkit.count.figure import as_bytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from archkit.bench.sweep.run import Ended
    from archkit.bench.train.events import Event, Saved, Step, TimeEstimate, Watch
    from archkit.bench.train.results import EpochRow

__all__ = ["RunsProgress", "watching_runs"]

_TELL: Final = 10.0  # seconds between two lines about all runs
_SILENCE: Final = 30.0  # seconds without a line, after which a step gets one


@contextmanager
def watching_runs(
    runs: int, *, quiet: bool, beside: bool = False, alone: bool = False
) -> Iterator[RunsProgress]:
    """Shows runs, for the length of the block.

    Args:
        runs: how many.
        quiet: whether to show nothing.
        beside: whether several of them go on at once.
        alone: whether there is only one and it needs no title.
    """
    if not quiet and on_a_terminal():
        with _new_progress() as progress:
            yield RunsProgress(runs, progress=progress, quiet=False, beside=beside, alone=alone)
    else:
        yield RunsProgress(runs, progress=None, quiet=quiet, beside=beside, alone=alone)


class RunsProgress:
    """Shows runs: a bar for all of them above the bars of each; without a terminal, a line for each run.

    If several go on at once, every line says which run it belongs to.
    """

    def __init__(
        self, runs: int, *, progress: Progress | None, quiet: bool, beside: bool, alone: bool
    ) -> None:
        self._runs, self._progress, self._quiet, self._beside = runs, progress, quiet, beside
        self._alone = alone
        self._task: TaskID | None = None
        if progress is not None and not alone:
            self._task = progress.add_task("suite", total=runs, note="")
        self._shares: dict[int, float] = {}
        self._sum = 0.0
        self._tally, self._told = Tally(runs), time.monotonic()

    @contextmanager
    def run(self, number: int, title: str) -> Iterator[Watch]:
        """A Watch for one run; the first has number 0."""
        if not self._alone:
            self.say(f"run {number + 1}/{self._runs}  {title}")
        self._tally.begin(number)
        try:
            with self._watching(number) as watch:
                yield watch
        finally:
            self._tally.leave(number)

    def ended(self, number: int, ended: Ended) -> None:
        """Counts a run that has ended; from time to time a line says how far all of them have come."""
        self._tally.end(number, ended)
        self._advance(number, 1.0)
        now = time.monotonic()
        if self._progress is None and not self._alone and now - self._told > _TELL:
            self._told = now
            self.say(self._tally.text)

    @contextmanager
    def _watching(self, number: int) -> Iterator[Watch]:
        if self._quiet:
            from archkit.bench.train.events import ignore

            yield ignore
        elif self._progress is None:
            yield _Lines(lambda text: self.say(text, number))
        else:
            bars = _Bars(self._progress, lambda text: self.say(text, number), self._name(number))
            try:
                yield self._counting(number, bars)
            finally:
                if not self._alone:  # whose bars stay until the end
                    bars.remove()
                self._advance(number, 1.0)

    def say(self, text: str, number: int | None = None) -> None:
        """Shows a line that stays; `number` is the run that it belongs to, if it belongs to one."""
        if number is not None and (name := self._name(number)) is not None:
            text = f"{name}  {text}"
        if self._progress is not None:
            self._progress.console.print(text)
        elif not self._quiet:
            say(text)

    def _name(self, number: int) -> str | None:
        """What tells the lines and bars of a run from those of the others; None if no others go on."""
        return f"run {number + 1}" if self._beside else None

    def _counting(self, number: int, bars: Watch) -> Watch:
        """`bars`, with every step counted as a part of its run."""
        from archkit.bench.train.events import Step

        def both(event: Event) -> None:
            if isinstance(event, Step):
                done = (event.epoch - 1) * event.steps + event.step
                self._advance(number, done / (event.epochs * event.steps))
            bars(event)

        return both

    def _advance(self, number: int, share: float) -> None:
        self._sum += share - self._shares.get(number, 0.0)
        self._shares[number] = share
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._sum, note=self._tally.text)


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
    """A line for the estimate and for each epoch; in a long epoch, one every half minute."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._put = put
        self._epochs = 0
        self._before = 0  # epochs that were done before the run went on
        self._began: float | None = None
        self._spoke = time.monotonic()

    def __call__(self, event: Event) -> None:
        from archkit.bench.train.events import Saved, Step, TimeEstimate

        if isinstance(event, TimeEstimate):
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
        """How long the other epochs will take, from those so far."""
        if self._began is None or done == self._epochs:
            return ""
        each = (time.monotonic() - self._began) / (done - self._before)
        return f"  {coarse(each * (self._epochs - done))} left"

    def _say(self, text: str) -> None:
        self._put(text)
        self._spoke = time.monotonic()


class _Bars:
    """The same lines above two bars, for the steps of the run and of the epoch; runs with names have one bar.

    Args:
        progress: shows the bars.
        put: writes a line above them.
        name: the name of the run, if others go on beside it.
    """

    def __init__(self, progress: Progress, put: Callable[[str], None], name: str | None = None) -> None:
        self._progress, self._put, self._name = progress, put, name
        self._run: TaskID | None = None
        self._epoch: TaskID | None = None
        self._epochs = 0

    def __call__(self, event: Event) -> None:
        from archkit.bench.train.events import Saved, Step, TimeEstimate

        if isinstance(event, TimeEstimate):
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


def _expected(estimate: TimeEstimate) -> str:
    each = sorted(estimate.step_seconds)[len(estimate.step_seconds) // 2]
    threads = estimate.threads
    held = "" if estimate.held is None else f"; at least {as_bytes(estimate.held)} of memory"
    with_threads = "" if threads is None else f" with {threads} thread{'s' if threads > 1 else ''}"
    return (
        f"about {duration(estimate.seconds)}: {estimate.steps:,} steps of {each * 1000:.0f} ms,"
        f" measured on {len(estimate.step_seconds)}{with_threads}{held}"
    )


def _resumed(event: Saved) -> str:
    return f"resumed after epoch {event.epoch} of {event.epochs} from {event.folder}"


def _epoch(row: EpochRow, epochs: int) -> str:
    # With the time that is left, this fits into 80 columns; epochs.csv has the rate and the time of each
    # epoch.
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
