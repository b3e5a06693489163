"""Widths that follow from others: hidden and squeezed channels, and how they are rounded."""

from __future__ import annotations

from functools import partial
from typing import Any

from archkit.blocks.lifted import lifted

__all__ = ["divisible", "hidden_width", "nearest"]


@partial(lifted, positive=True)
def divisible(channels: int, times: int, over: int, by: int, least: int = 90) -> int:
    """`channels * times / over`, to the nearest multiple of `by`, but never below `least` percent of it.

    The rule of MobileNet's authors, which timm and torchvision call `make_divisible`: halves are rounded up,
    `by` is the least, and a result below 90% of the number goes up to the next multiple.

    >>> divisible(72, 1, 4, 8), divisible(80, 23, 10, 8), divisible(104, 1, 4, 8), divisible(104, 1, 4, 8, 95)
    (24, 184, 24, 32)
    """
    found = max(by, (2 * channels * times + by * over) // (2 * by * over) * by)
    return found + by if 100 * found * over < least * channels * times else found


@partial(lifted, positive=True)
def nearest(channels: int, over: int) -> int:
    """`channels / over` to the nearest whole number, an exact half to the even one, and 1 at least.

    >>> nearest(746, 4), nearest(4103, 4)
    (186, 1026)
    """
    whole, rest = divmod(channels, over)
    return max(1, whole + (2 * rest > over or (2 * rest == over and whole % 2)))


def hidden_width(channels: Any, expand: Any, by: int) -> Any:
    """`channels * expand`, rounded as `divisible` does.

    Args:
        channels: that enter.
        expand: a whole number, or a decimal.
        by: the divisor.
    """
    times, over = expand.as_integer_ratio()
    return channels * times if over == by == 1 else divisible(channels, times, over, by)
