"""Intervals: Wilson's for a share, Student's t for a mean.

scipy.stats has both, but nothing that archkit needs brings scipy along, and these lines are few. The tests
compare them with printed tables.
"""

from __future__ import annotations

import math

__all__ = ["NORMAL_95", "percent", "student_t", "wilson"]

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
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < level else (low, middle)
    return (low + high) / 2


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
