"""Two networks on the same images: McNemar's test of one pair of runs, and the interval of the difference.

scipy has the binomial test and no interval for paired shares, and both are a few lines. The tests compare
them with scipy and with a numerical maximisation of the likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archkit.statistics import NORMAL_95

__all__ = ["Paired", "mcnemar", "mean_difference", "tango"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Paired:
    """Two runs on the same images.

    Attributes:
        total: how many images.
        only_a: how many of them the first run alone has right.
        only_b: how many the second alone has right.
    """

    total: int
    only_a: int
    only_b: int

    @classmethod
    def of(cls, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Paired:
        """Counts from which images each run has right, N and N."""
        return cls(total=len(a), only_a=int((a & ~b).sum()), only_b=int((b & ~a).sum()))

    @property
    def difference(self) -> float:
        """The accuracy of the first minus that of the second, as a share."""
        return (self.only_a - self.only_b) / self.total

    @property
    def p(self) -> float:
        """See `mcnemar`."""
        return mcnemar(self.only_a, self.only_b)

    @property
    def interval(self) -> tuple[float, float]:
        """See `tango`."""
        return tango(self.total, self.only_a, self.only_b)


def mcnemar(only_a: int, only_b: int) -> float:
    """The p value of McNemar's exact test (1947): two-sided, in whole numbers.

    If neither network is better, an image that one alone has right is as likely the one's as the other's.

    >>> mcnemar(9, 1)
    0.021484375

    Args:
        only_a: images that the first network alone has right.
        only_b: images that the second alone has right.
    """
    tosses, tail, term = only_a + only_b, 0, 1
    for k in range(min(only_a, only_b) + 1):
        tail += term
        term = term * (tosses - k) // (k + 1)
    return min(1.0, 2 * tail / (1 << tosses))


def tango(total: int, only_a: int, only_b: int, z: float = NORMAL_95) -> tuple[float, float]:
    """Tango's interval (1998, Statistics in Medicine 17) of the difference of two shares of the same images.

    It has in it the differences that McNemar's test, in the form without a correction, would not reject:
    0 is outside where (a - b)^2 / (a + b) is above z^2.

    >>> low, high = tango(50, 12, 2)
    >>> round(low, 4), round(high, 4)
    (0.0611, 0.3447)

    Args:
        total: images, at least 1.
        only_a: images that the first network alone has right.
        only_b: images that the second alone has right.
        z: standard deviations on either side; those of 95% unless given.
    """
    seen = (only_a - only_b) / total

    def above(delta: float) -> float:
        """How far `seen` is above `delta`, in the standard deviations that there would be at `delta`."""
        linear = (2 * total - only_a + only_b) * delta - only_a - only_b
        square = linear * linear + 8 * total * only_b * delta * (1 - delta)
        share = (math.sqrt(max(0.0, square)) - linear) / (4 * total)  # of only_b, at its most likely
        variance = (2 * share + delta * (1 - delta)) / total
        return (seen - delta) / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, seen - delta)

    return _crossing(above, z, -1.0, seen), _crossing(above, -z, seen, 1.0)


def mean_difference(
    a: NDArray[np.bool_], b: NDArray[np.bool_], z: float = NORMAL_95
) -> tuple[float, tuple[float, float]]:
    """The difference of two networks' mean accuracies over several runs, and its interval over the images.

    Each image has one value, the share of the first network's runs that have it right minus the share of the
    second's; the interval is that of these values' mean by the normal distribution, cut off at -1 and 1.
    The runs are taken as they are: it says what to expect on another sample of images, and nothing of seeds.

    Args:
        a: which images each run of the first network has right, runs x N.
        b: the same for the second; the numbers of runs may differ.
        z: standard deviations on either side.
    """
    each = a.mean(0) - b.mean(0)
    mean = float(each.mean())
    half = z * float(each.std(ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else math.inf
    return mean, (max(-1.0, mean - half), min(1.0, mean + half))


def _crossing(falling: Callable[[float], float], value: float, low: float, high: float) -> float:
    """Where a falling function comes to a value, by bisection."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > value else (low, middle)
    return (low + high) / 2
