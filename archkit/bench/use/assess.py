"""`assess`: what a network gets wrong: accuracy by class, the confusion matrix, and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archkit.bench.train.evaluation import Answers

__all__ = ["BINS", "Assessment", "assess", "calibration_error"]

BINS: Final = 15
"""Of the confidence, as Guo et al. 2017 have them."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Assessment:
    """What a network gets wrong on images of K classes.

    Attributes:
        confusion: K x K, how many images of the class of the row the network takes for that of the column.
        calibration_error: see `calibration_error`.
        nll: the mean negative log-likelihood of the labels, in nats: the loss, without label smoothing.
    """

    confusion: NDArray[np.int64]
    calibration_error: float
    nll: float

    @property
    def images(self) -> tuple[int, ...]:
        """How many images each class has."""
        return tuple(int(n) for n in self.confusion.sum(1))

    @property
    def correct(self) -> tuple[int, ...]:
        """How many of them are right."""
        return tuple(int(n) for n in self.confusion.diagonal())

    @property
    def chosen(self) -> tuple[int, ...]:
        """How many images the network takes for each class."""
        return tuple(int(n) for n in self.confusion.sum(0))

    def mistakes(self) -> tuple[tuple[int, int, int], ...]:
        """Class, the class it is taken for, and how many images: the most frequent first, none with 0."""
        wrong = self.confusion - np.diag(self.confusion.diagonal())
        pairs = [(int(a), int(b), int(wrong[a, b])) for a, b in np.argwhere(wrong)]
        return tuple(sorted(pairs, key=lambda pair: (-pair[2], pair)))


def assess(answers: Answers, labels: NDArray[np.int64], classes: int) -> Assessment:
    """What a network gets wrong.

    Args:
        answers: what it says of N images.
        labels: N, their classes.
        classes: K.
    """
    pairs = np.bincount(labels * classes + answers.chosen, minlength=classes * classes)
    return Assessment(
        confusion=pairs.reshape(classes, classes),
        calibration_error=calibration_error(answers.confidence, answers.right),
        nll=answers.score.loss,
    )


def calibration_error(
    confidence: NDArray[np.float32] | NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS
) -> float:
    """The expected calibration error (Guo et al. 2017, equation 3), a share.

    Images are put into bins of equal width by their confidence, each with its upper end; the error is the
    mean, over the images, of the gap between their bin's accuracy and its mean confidence.

    >>> sure, right = np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, True, True, False])
    >>> round(calibration_error(sure, right, bins=10), 6)
    0.1

    Args:
        confidence: N, the probability of the class that was chosen.
        right: N, whether it is the label's.
        bins: how many.
    """
    sure = confidence.astype(np.float64)
    which = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(which, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))
