"""`Outcome`: what training a network gives, in memory; `Passed`: what an epoch of it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archkit.bench.train.results import EpochRow, Score

__all__ = ["Outcome", "Passed"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outcome:
    """What training a network gives, in memory; a `Result` is what is recorded of it.

    Attributes:
        weights: those of the epoch that was kept, on the CPU, by the names of the model's state dict.
        epochs: every epoch.
        epoch: the one that was kept, from 1.
        validation: its score on the images set apart; None if there are none.
        test: its score on the test set.
        right: which of the test images it has right, in their order.
        validation_flip: like `validation`, averaged with flipped images; None unless the recipe asks for it.
        test_flip: like `test`, in the same way.
        validation_six: like `validation`, from six views of each image; None unless the recipe asks for it.
        test_six: like `test`, in the same way.
        train: how many images there are to train on, before any is dropped.
        apart: how many are set apart.
        train_seconds: the time of all training steps.
        images_per_second: training images per second of that time.
        total_seconds: the time from the first step to the test score.
        compile_seconds: the time of compiling, which is in no other figure; None if nothing is compiled.
        threads: torch's threads on the CPU while it trained.
        mean: of the pixels by channel, 0 to 255, by which images were normalised.
        std: their standard deviation, likewise.
    """

    weights: dict[str, Tensor]
    epochs: tuple[EpochRow, ...]
    epoch: int
    validation: Score | None
    test: Score
    right: NDArray[np.bool_]
    validation_flip: Score | None
    test_flip: Score | None
    validation_six: Score | None
    test_six: Score | None
    train: int
    apart: int
    train_seconds: float
    images_per_second: float
    total_seconds: float
    compile_seconds: float | None
    threads: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What one pass over the training images showed.

    Attributes:
        loss: the mean over the images as they are trained on: augmented, with label smoothing.
        correct: how many images the network had right when they came.
        total: how many images there were.
        lr: the learning rate of the last step.
        seconds: how long the pass took.
    """

    loss: float
    correct: int
    total: int
    lr: float
    seconds: float
