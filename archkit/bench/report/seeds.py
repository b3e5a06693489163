"""Two networks over their seeds: Welch's interval of the difference, and how many seeds tell them apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archkit.statistics import student_t, within_t

__all__ = ["MOST_SEEDS", "POWER", "Welch", "detectable", "pooled_deviation", "seeds_to_see", "welch"]

POWER: Final = 0.8
"""How often a difference is to be found that is there."""

MOST_SEEDS: Final = 10_000
"""Nobody trains more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Welch:
    """Welch's comparison (1947) of two means whose deviations may differ.

    Attributes:
        t: the difference in standard errors; None if all runs of each side are equal.
        df: degrees of freedom, by Welch and Satterthwaite.
        p: how often other seeds would give as large a difference if the two were equally good; None as `t`.
        interval: the 95% interval of the difference.
    """

    t: float | None
    df: float
    p: float | None
    interval: tuple[float, float]


def welch(a: Sequence[float], b: Sequence[float]) -> Welch | None:
    """Compares two means; None if a side has fewer than two values.

    >>> found = welch([0.930, 0.932, 0.934], [0.926, 0.927, 0.931])
    >>> round(found.t, 3), round(found.df, 2), round(found.p, 3)
    (2.089, 3.72, 0.11)

    Args:
        a: the accuracies of the first network's runs.
        b: the accuracies of the second's.
    """
    if min(len(a), len(b)) < 2:
        return None
    difference = statistics.fmean(a) - statistics.fmean(b)
    of_a, of_b = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    error = math.sqrt(of_a + of_b)
    if error == 0:
        return Welch(t=None, df=len(a) + len(b) - 2, p=None, interval=(difference, difference))
    df = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))
    t, half = difference / error, student_t(df) * error
    return Welch(
        t=t,
        df=df,
        p=1 - within_t(abs(t), df),
        interval=(max(-1.0, difference - half), min(1.0, difference + half)),
    )


def pooled_deviation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """The standard deviation between the seeds of one network, from the runs of both; None if a side has one.

    The root of the mean of the two variances, so that a side with more runs has no more say.
    """
    if min(len(a), len(b)) < 2:
        return None
    return math.sqrt((statistics.variance(a) + statistics.variance(b)) / 2)


def detectable(deviation: float, n: int, power: float = POWER) -> float:
    """The smallest difference that n seeds a side find with probability `power`, tested at 5%.

    (t of 97.5% + t of `power`) * deviation * sqrt(2 / n), with 2 n - 2 degrees of freedom (Zar,
    Biostatistical Analysis, the minimum detectable difference of two means).

    >>> [round(detectable(0.15, n), 2) for n in (3, 10, 200)]
    [0.46, 0.2, 0.04]

    Args:
        deviation: the standard deviation between the seeds of one network.
        n: at least 2.
        power: above 0.5.
    """
    df = 2 * n - 2
    return (student_t(df) + student_t(df, 2 * power - 1)) * deviation * math.sqrt(2 / n)


def seeds_to_see(difference: float, deviation: float, power: float = POWER) -> int | None:
    """How many seeds a side find a difference with probability `power`; None if more than `MOST_SEEDS`.

    >>> seeds_to_see(0.46, 0.15), seeds_to_see(0.2, 0.15), seeds_to_see(0.0, 0.15)
    (3, 10, None)

    Args:
        difference: of the accuracies, either way.
        deviation: as for `detectable`, and so is `power`.
    """
    low, high = 2, MOST_SEEDS
    if not difference:
        return None
    if detectable(deviation, high, power) > abs(difference):
        return None
    while low < high:  # more seeds see more
        middle = (low + high) // 2
        low, high = (
            (low, middle) if detectable(deviation, middle, power) <= abs(difference) else (middle + 1, high)
        )
    return low
