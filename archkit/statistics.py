"""Intervals: Wilson's and Clopper and Pearson's for a share, Student's t for a mean.

scipy.stats has them all, but nothing that archkit needs brings scipy along, and these lines are few. The
tests compare them with printed tables.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

__all__ = ["NORMAL_95", "at_least", "clopper_pearson", "percent", "student_t", "wilson", "within_t"]

NORMAL_95 = 1.959963984540054
"""A normal variable stays within so many standard deviations with a probability of 95%."""


def wilson(hits: int, draws: int, z: float = NORMAL_95) -> tuple[float, float]:
    """Wilson's interval (1927) for a share of which `hits` of `draws` were seen.

    >>> low, high = wilson(90, 100)
    >>> round(low, 4), round(high, 4)
    (0.8256, 0.9448)

    Args:
        hits: 0 to `draws`.
        draws: at least 1.
        z: standard deviations on either side; those of 95% unless given.
    """
    share, spread = hits / draws, z * z / draws
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt((share * (1 - share) + spread / 4) / draws) / (1 + spread)
    return middle - half, middle + half


def clopper_pearson(hits: int, draws: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval (1934) for a share of which `hits` of `draws` were seen.

    It is exact: whatever the share is, the interval holds it with a probability of at least `level`.

    >>> low, high = clopper_pearson(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.1871, 0.8129)

    Args:
        hits: 0 to `draws`.
        draws: at least 1.
        level: above 0, below 1.
    """
    side = (1 + level) / 2
    return at_least(hits, draws, side), 1 - at_least(draws - hits, draws, side)


def at_least(hits: int, draws: int, level: float = 0.95) -> float:
    """The lower end alone: with a probability of at least `level` the share is no smaller.

    >>> at_least(299, 299) > 0.99 > at_least(298, 298)
    True

    Args:
        hits: 0 to `draws`.
        draws: at least 1.
        level: above 0, below 1.
    """
    if hits == 0:
        return 0.0
    # At the lower end, as many hits or more come with a probability of 1 - level; the binomial distribution's
    # tail is an incomplete beta function (DLMF, 8.17.5).
    return _bisected(lambda share: _beta(share, hits, draws - hits + 1) < 1 - level, 0.0, 1.0)


def _bisected(below: Callable[[float], bool], low: float, high: float) -> float:
    """Where `below` turns from true to false, for the smaller of the two numbers that are left."""
    for _ in range(100):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


@functools.lru_cache(maxsize=1024)
def student_t(df: float, level: float = 0.95) -> float:
    """The t within which a variable with Student's distribution stays with probability `level`.

    >>> round(student_t(2), 3)
    4.303

    By bisection of `within_t`.

    Args:
        df: degrees of freedom, at least 1; Welch's are no whole number.
        level: above 0, below 1.
    """
    low, high = 0.0, 1.0
    while within_t(high, df) < level:
        high *= 2
    return _bisected(lambda t: within_t(t, df) < level, low, high)


def within_t(t: float, df: float) -> float:
    """The probability that a variable with Student's distribution lies between -t and t.

    >>> round(within_t(12.706, 1), 4)
    0.95

    Args:
        t: at least 0.
        df: degrees of freedom, above 0.
    """
    # 1 - I(df / (df + t^2); df / 2, 1 / 2), by Abramowitz and Stegun, 26.5.27.
    square = t * t
    if square > df:
        return 1 - _beta(df / (df + square), df / 2, 0.5)
    return _beta(square / (df + square), 0.5, df / 2)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I(x; a, b), by its continued fraction (DLMF, 8.17.22)."""
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast below this, and I is symmetric
        return 1 - _beta(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    # Lentz (1976): 1 + d1 / (1 + d2 / (1 + ...)) as a product; it is what the front is divided by.
    upper, lower, value = 1.0, 0.0, 1.0
    for m in range(1, 100_000):
        half = m // 2
        if m % 2:
            d = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            d = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        lower = 1 / (1 + d * lower)
        upper = 1 + d / upper
        value *= upper * lower
        if abs(upper * lower - 1) < 1e-16:
            break
    return math.exp(log_front) / (a * value)


def percent(share: float) -> str:
    """A share in percent with two places. Only a share of 1 is 100.00: one image less is 99.99.

    >>> percent(5 / 7), percent(199_999 / 200_000), percent(1)
    ('71.43', '99.99', '100.00')
    """
    text = f"{100 * share:.2f}"
    return "99.99" if share < 1 and text == "100.00" else text
