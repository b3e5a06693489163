"""What a run tells its `Watch`: a `TimeEstimate`, each `Step`, each `EpochRow`, and what was `Saved`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

from archkit.bench.train.results import EpochRow

__all__ = ["Event", "Saved", "Step", "TimeEstimate", "Watch", "ignore"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeEstimate:
    """How long the run will take, from steps that are measured before it starts and then undone.

    Attributes:
        step_seconds: of each training step that was measured, without the warm-up.
        evaluation_seconds: of each evaluation batch that was measured.
        steps: training steps of the run.
        evaluations: evaluation batches of the run, those of the test included.
        threads: of the CPU, if that is the device; None otherwise.
        held: bytes that training holds at least, if they were worked out.
    """

    step_seconds: tuple[float, ...]
    evaluation_seconds: tuple[float, ...]
    steps: int
    evaluations: int
    threads: int | None = None
    held: int | None = None

    @property
    def seconds(self) -> float:
        """The time that the whole run will take, from the medians."""
        return self.steps * median(self.step_seconds) + self.evaluations * median(self.evaluation_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A training step was given to the device.

    Attributes:
        epoch: the number of the epoch, from 1.
        epochs: how many the run has.
        step: the number of the step in the epoch, from 1.
        steps: how many an epoch has.
    """

    epoch: int
    epochs: int
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A checkpoint was written; or one was found, and the run goes on from it.

    Attributes:
        epoch: the last epoch in it.
        epochs: how many the run has.
        folder: the folder of the unfinished run.
        resumed: whether it was found there.
    """

    epoch: int
    epochs: int
    folder: Path
    resumed: bool


Event: TypeAlias = TimeEstimate | Step | EpochRow | Saved
Watch: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A Watch that does nothing."""
