"""What a run tells whoever watches: an `Estimate`, each `Step`, an `EpochRow` an epoch, what was `Saved`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

from archkit.bench.results import EpochRow

__all__ = ["Estimate", "Event", "Saved", "Step", "Watch", "ignore"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """How long the run will take, from steps that are measured before it starts and then taken back.

    Attributes:
        step_seconds: each measured training step, warm-up left out.
        evaluation_seconds: each measured evaluation batch.
        steps: training steps of the run.
        evaluations: evaluation batches of the run, the test included.
    """

    step_seconds: tuple[float, ...]
    evaluation_seconds: tuple[float, ...]
    steps: int
    evaluations: int

    @property
    def seconds(self) -> float:
        """Expected time of the whole run, by the medians."""
        return self.steps * median(self.step_seconds) + self.evaluations * median(self.evaluation_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A training step was given to the device.

    Attributes:
        epoch: from 1.
        epochs: of the run.
        step: within the epoch, from 1.
        steps: of each epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A checkpoint was written, or found and resumed from.

    Attributes:
        epoch: the last one in it.
        epochs: of the run.
        folder: of the unfinished run.
        resumed: whether it was found.
    """

    epoch: int
    epochs: int
    folder: Path
    resumed: bool


Event: TypeAlias = Estimate | Step | EpochRow | Saved
Watch: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A Watch that watches nothing."""
