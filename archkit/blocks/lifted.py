"""Functions of a width that are more than `+ - * //`, for integers, arrays and symbols alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["at_least", "lifted"]


def at_least(least: int, width: Any) -> Any:
    """The greater of a number and a width.

    >>> at_least(8, 5), at_least(8, 24)
    (8, 24)
    """
    return width + (width < least) * (least - width)


def lifted(function: Callable[..., int], *, positive: bool = False) -> Callable[..., Any]:
    """A function of one integer, made to take an integer array or a symbol of the closed form too.

    >>> halved = lifted(lambda width: max(1, width // 2))
    >>> halved(7)
    3

    Args:
        function: takes a width, and then numbers that are the same for every width.
        positive: whether it gives 1 or more, whatever the width.
    """

    @wraps(function)
    def of(width: Any, *numbers: int) -> Any:
        if isinstance(width, int):
            return function(width, *numbers)
        apply = getattr(width, "apply", None)
        if apply is not None:  # a symbol writes the call down
            return apply(of, *numbers, positive=positive)
        import numpy as np  # only where the widths are numpy's

        values, at = np.unique(width, return_inverse=True)
        found = np.array([function(int(value), *numbers) for value in values], dtype=np.int64)
        return found[at].reshape(width.shape)

    return of
