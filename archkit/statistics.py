"""Intervals: Wilson's and Clopper and Pearson's for a share, Student's t for a mean.

scipy.stats has them all, but nothing that archkit needs brings scipy along, and these lines are few. The
tests compare them with printed tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["NORMAL_95", "at_least", "clopper_pearson", "percent", "student_t", "wilson"]

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
    # At the lower end, as many hits or more come with a probability of 1 - level.
    return _bisected(lambda share: _or_more(hits, draws, share) < 1 - level, 0.0, 1.0)


def _bisected(below: Callable[[float], bool], low: float, high: float) -> float:
    """Where `below` turns from true to false, for the smaller of the two numbers that are left."""
    for _ in range(100):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def _or_more(hits: int, draws: int, share: float) -> float:
    """The probability of `hits` or more among `draws`: the sum of the binomial distribution's tail."""
    ways = math.lgamma(draws + 1)
    hit, miss = math.log(share), math.log1p(-share)

    def exactly(n: int) -> float:
        return math.exp(ways - math.lgamma(n + 1) - math.lgamma(draws - n + 1) + n * hit + (draws - n) * miss)

    if 2 * hits > draws:
        return math.fsum(map(exactly, range(hits, draws + 1)))
    return 1 - math.fsum(map(exactly, range(hits)))


def student_t(df: int, level: float = 0.95) -> float:
    """The t within which a variable with Student's distribution stays with probability `level`.

    >>> round(student_t(2), 3)
    4.303

    By bisection of the distribution's closed form for whole degrees of freedom (Abramowitz and Stegun,
    26.7.3 and 26.7.4).

    Args:
        df: degrees of freedom, at least 1.
        level: above 0, below 1.
    """
    low, high = 0.0, 1.0
    while _within(high, df) < level:
        high *= 2
    return _bisected(lambda t: _within(t, df) < level, low, high)


def _within(t: float, df: int) -> float:
    """The probability of a value between -t and t."""
    theta = math.atan(t / math.sqrt(df))
    cos2 = math.cos(theta) ** 2
    odd = df % 2
    term = math.cos(theta) if odd else 1.0
    total = 0.0
    # The powers of the cosine are 0, 2, ..., df - 2 if df is even and 1, 3, ..., df - 2 if it is odd.
    for power in range(odd, df - 1, 2):
        total += term
        term *= cos2 * (power + 1) / (power + 2)
    total *= math.sin(theta)
    return 2 / math.pi * (theta + total) if odd else total


def percent(share: float) -> str:
    """A share in percent with two places. Only a share of 1 is 100.00: one image less is 99.99.

    >>> percent(5 / 7), percent(199_999 / 200_000), percent(1)
    ('71.43', '99.99', '100.00')
    """
    text = f"{100 * share:.2f}"
    return "99.99" if share < 1 and text == "100.00" else text
