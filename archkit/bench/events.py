"""What the engine tells whoever watches: an `Estimate`, then each `Step`, and an `EpochRow` an epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from archkit.bench.results import EpochRow

__all__ = ["Estimate", "Event", "Step", "Watch", "ignore"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """How long the run will take, from steps measured on a copy of the network before it starts.

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


Event: TypeAlias = Estimate | Step | EpochRow
Watch: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A Watch that watches nothing."""
