"""`find_rate`: which learning rate a network can be trained with, by a range test (Smith 2015).

The rate rises exponentially from step to step, and the loss falls, stands and explodes. The test looks
neither at the images set apart nor at the test set, and nothing is kept of it but its figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Recipe, Schedule
from archkit.bench.train.device import backends
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.guards import generators_kept, memory_errors
from archkit.bench.train.trainer import Trainer
from archkit.errors import RunError
from archkit.spec import ArchSpec, as_spec

__all__ = ["RangeTest", "find_rate", "range_test"]

_EXPLODED: Final = 4.0  # times the lowest smoothed loss: beyond, nothing more is learnt from the test
_LEAST: Final = 5  # losses in which a slope can be seen


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeTest:
    """The losses by learning rate, of T steps.

    Attributes:
        rates: T, of each step, rising.
        losses: T, before the step.
        smoothed: T, their moving average, corrected for its beginning.
        exploded: whether the test ended early, because the loss was no longer finite or far above its lowest.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    exploded: bool

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, by the logarithm of the rate."""
        at = range(1, len(self.rates) - 1)
        return self.rates[min(at, key=lambda i: self.smoothed[i + 1] - self.smoothed[i - 1])]

    @property
    def tenth(self) -> float:
        """A tenth of the rate at which the smoothed loss is lowest."""
        lowest = min(range(len(self.rates)), key=self.smoothed.__getitem__)
        return self.rates[lowest] / 10


def range_test(
    step: Callable[[float], float], *, low: float, high: float, steps: int, smoothing: float
) -> RangeTest:
    """Takes steps with rising rates.

    >>> found = range_test(lambda rate: abs(rate - 0.1), low=0.001, high=10.0, steps=41, smoothing=0.0)
    >>> round(found.tenth, 6)
    0.01

    Args:
        step: takes a step with a rate, and gives the loss before it.
        low: the first rate.
        high: the last one.
        steps: how many.
        smoothing: the share of the average that is kept at each step; 0 for none.

    Raises:
        RunError: the loss explodes before a slope can be seen.
    """
    if not 0 < low < high < math.inf:
        raise RunError(f"the rates must rise from above 0, not from {low:g} to {high:g}")
    if steps < _LEAST:
        raise RunError(f"a range test needs at least {_LEAST} steps, not {steps}")
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    mean, exploded = 0.0, False
    for number in range(steps):
        rate = low * (high / low) ** (number / (steps - 1))
        loss = step(rate)
        if not math.isfinite(loss):
            exploded = True
            break
        mean = smoothing * mean + (1 - smoothing) * loss
        rates.append(rate)
        losses.append(loss)
        smoothed.append(mean / (1 - smoothing ** (number + 1)))
        if number and smoothed[-1] > _EXPLODED * min(smoothed):
            exploded = True
            break
    if len(rates) < _LEAST:
        raise RunError(
            f"the loss explodes within {_LEAST} steps of a learning rate of {low:g}; begin with a smaller one"
        )
    return RangeTest(rates=tuple(rates), losses=tuple(losses), smoothed=tuple(smoothed), exploded=exploded)


def find_rate(
    spec: ArchSpec | str,
    data: DataSet,
    recipe: Recipe,
    *,
    device: torch.device,
    seed: int = 0,
    low: float = 1e-5,
    high: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    watch: Callable[[int], None] = lambda _step: None,
) -> RangeTest:
    """The range test of a network with a recipe's optimizer, batches and augmentation.

    Args:
        spec: the network; its input and classes must be those of the data.
        data: what it would be trained on; the images set apart are left out.
        recipe: how; its learning rate, its schedule and its compiling have no say.
        device: where.
        seed: of the weights, the order and the augmentation.
        low: the first rate.
        high: the last one.
        steps: how many, at most.
        smoothing: see `range_test`.
        watch: called with the number of each step, from 1.

    Raises:
        RunError: the recipe does not fit the data, memory runs out, or the loss explodes at once.
        DataError: there are too few images to split.
    """
    recipe = replace(recipe, compile="none", ema=0.0, schedule=Schedule())
    with generators_kept(device), backends(recipe.precision), memory_errors(recipe):
        on_device = DeviceData.of(data, recipe, device)
        trainer = Trainer(as_spec(spec), on_device, recipe, seed=seed, device=device)
        trainer.model.train()
        shares = [group["lr"] / recipe.optimizer.lr for group in trainer.optimizer.param_groups]
        order: Iterator[Tensor] = iter(())
        taken = 0

        def step(rate: float) -> float:
            nonlocal order, taken
            index = next(order, None)
            if index is None:
                order = iter(trainer.feed.batches())
                index = next(order)
            for group, share in zip(trainer.optimizer.param_groups, shares, strict=True):
                group["lr"] = rate * share
            with trainer.as_in(recipe.epochs - 1):
                loss, _ = trainer.step(index)
            taken += 1
            watch(taken)
            return loss.item()

        return range_test(step, low=low, high=high, steps=steps, smoothing=smoothing)
