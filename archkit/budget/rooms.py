"""What a limit leaves room for, where a further block may cost nothing of a figure.

What archkit counts itself is never nothing; what a table says may be. Where nothing
is free, all of these are plain arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from archkit.count.tables import CEILING

__all__ = ["from_last", "gained", "times", "times_to_reach", "worth"]


def times(room: Any, each: Any) -> Any:
    """How many of what costs `each` there is room for, `CEILING` for any number; -1 or less without room."""
    if np.all(each):
        return room // each
    return np.where(each == 0, np.where(room < 0, -1, CEILING), room // np.maximum(each, 1))


def times_to_reach(short: Any, each: Any) -> Any:
    """How many of what costs `each` reach what is short, `CEILING` where no number does."""
    if np.all(each):
        return -(-short // each)
    return np.where(each == 0, np.where(short > 0, CEILING, 0), -(-short // np.maximum(each, 1)))


def worth(gain: Any, each: Any) -> Any:
    """What a gain is for each unit that it costs; infinite where it costs nothing, 0 where there is none."""
    if np.all(each):
        return gain / each
    return np.where(each == 0, np.where(gain > 0, np.inf, 0.0), gain / np.maximum(each, 1))


def gained(room: Any, each: Any) -> Any:
    """The most that some room is worth, at so much for each unit; infinite where that is infinite."""
    return np.where(np.isfinite(each), room * np.where(np.isfinite(each), each, 0.0), np.inf)


def from_last(join: np.ufunc, each: Any) -> Any:
    """What the stages from each one on come to together, N x (S + 1); 0 after the last."""
    nothing = np.zeros((len(each), 1), dtype=each.dtype)
    return np.hstack([join.accumulate(each[:, ::-1], axis=1)[:, ::-1], nothing])
