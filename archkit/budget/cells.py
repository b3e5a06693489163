"""Cells of a table that never overflow: 64 bits where they suffice, Python's integers elsewhere."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["WIDE", "Cells", "bounded_dot", "exact_dot", "exact_sum", "running_sum", "shifted", "wide_enough"]

Cells = NDArray[Any]  # int64, or Python integers as objects

WIDE: Final = 2**63
_SHORT: Final = 48  # below this stride a copy costs less than one call of numpy for each step


def shifted(cells: Cells, by: int) -> Cells:
    """A copy whose cells have moved up, with zeros in their old places."""
    if not by:
        return cells.copy()
    found = np.zeros_like(cells)
    found[by:] = cells[: len(cells) - by]
    return found


def running_sum(cells: Cells, stride: int) -> Cells:
    """`cells[b] += cells[b - stride]` from left to right; the table that goes in may be changed."""
    length = len(cells)
    if stride >= _SHORT:
        for at in range(stride, length, stride):
            cells[at : at + stride] += cells[at - stride : at][: length - at]
        return cells
    rows = -(-length // stride)
    padded = np.zeros(rows * stride, dtype=cells.dtype)
    padded[:length] = cells
    table = padded.reshape(rows, stride)
    np.cumsum(table, axis=0, out=table)
    return padded[:length]


def wide_enough(cells: Cells, times: int) -> Cells:
    """The same cells, as Python's integers if `times` the largest of them would pass 64 bits."""
    if cells.dtype != object and int(cells.max(initial=0)) * times >= WIDE:
        return cells.astype(object)
    return cells


def exact_sum(cells: Cells) -> int:
    """The sum of all cells, in Python's integers."""
    if not len(cells):
        return 0
    return int(wide_enough(cells, len(cells)).sum())


def exact_dot(a: Cells, b: Cells) -> int:
    """The inner product of two tables' pieces, in Python's integers."""
    return bounded_dot(a, b, exact_sum(a) * int(b.max(initial=0)))


def bounded_dot(a: Cells, b: Cells, bound: int) -> int:
    """The inner product in Python's integers, from 64-bit pieces that cannot overflow.

    `bound` is not below it.
    """
    if a.dtype != object and b.dtype != object:
        if bound < WIDE:
            return int(np.dot(a, b))
        if len(a) > 64:
            half = len(a) // 2
            return sum(
                bounded_dot(x, y, exact_sum(x) * int(y.max()))
                for x, y in ((a[:half], b[:half]), (a[half:], b[half:]))
            )
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True) if x and y)
