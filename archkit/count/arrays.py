"""Counts of millions of networks at once, in arrays."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archkit.count.tables import METRICS, CostTables, Ints, cost_tables
from archkit.errors import SpecError
from archkit.spec import ArchSpec, as_spec
from archkit.spec.options import BLOCKS, CHANNELS

__all__ = ["count_arrays"]

_PARAMS, _MACS = METRICS.index("params"), METRICS.index("macs")


def count_arrays(like: ArchSpec | str, blocks: NDArray[Any], channels: NDArray[Any]) -> tuple[Ints, Ints]:
    """Parameters and MACs of N networks that differ only in blocks and channels.

    Every network costs a few look-ups in tables over the widths that occur; with numba installed
    (the extra `fast`) a compiled loop over all cores does them, else numpy, with the same
    result.

    >>> blocks, channels = np.array([[2, 1, 1, 1]]), np.array([[64, 128, 256, 512]])
    >>> [int(a[0]) for a in count_arrays("[1,1,1,1]x[8,8,8,8]", blocks, channels)]
    [4977226, 328930304]

    Args:
        like: S stages; everything but blocks and channels is read off it. Where its stem is one 3x3
            conv as wide as its first stage, so are the others'.
        blocks: N x S integers.
        channels: N x S integers.

    Returns:
        Parameters, N, and multiply-accumulates for one image, bias not counted, N; int64.

    Raises:
        SpecError: a shape is wrong, or a number out of range.
        BudgetError: the figures would not fit 64 bits.
    """
    like = as_spec(like)
    blocks, channels = np.asarray(blocks), np.asarray(channels)
    stages = len(like.blocks)
    for name, array in (("blocks", blocks), ("channels", channels)):
        if array.ndim != 2 or array.shape[1] != stages or array.shape != blocks.shape:
            raise SpecError(f"{name} must be N x {stages}, not {' x '.join(map(str, array.shape))}")
        if array.dtype.kind not in "iu":
            raise SpecError(f"{name} must be integers, not {array.dtype}")
    if not len(blocks):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    most, _ = _extremes("blocks", blocks)
    widest, bits = _extremes("channels", channels)
    follows = like.stem == ("conv3", like.channels[0])
    # Widths as multiples of a common divisor: dense tables, and no search for an index.
    unit = bits & -bits  # the largest power of two that divides every width
    largest = like.replace(blocks=most, channels=widest)
    tables = cost_tables(
        largest, [np.arange(unit, c + 1, unit, dtype=np.int64) for c in widest], stem_follows=follows
    )
    return _sum(tables, blocks, channels, unit)


def _extremes(name: str, array: NDArray[Any]) -> tuple[tuple[int, ...], int]:
    """The largest of each column, and all the bits that are set.

    Raises:
        SpecError: a number is out of range.
    """
    if find_spec("numba") is not None:
        from archkit.count.compiled import extremes_compiled

        least, most, bits = extremes_compiled(array)
    else:
        # Column by column: numpy is ten times slower along the long axis of a narrow array.
        columns = [array[:, i] for i in range(array.shape[1])]
        least, most = np.array([c.min() for c in columns]), np.array([c.max() for c in columns])
        bits = int(np.bitwise_or.reduce(array, axis=None))
    low, high = {"blocks": BLOCKS, "channels": CHANNELS}[name]
    if not (low <= int(least.min()) and int(most.max()) <= high):
        raise SpecError(f"{name} must be {low:,} to {high:,}")
    return tuple(int(n) for n in most), bits


def _sum(tables: CostTables, blocks: NDArray[Any], channels: NDArray[Any], unit: int) -> tuple[Ints, Ints]:
    if find_spec("numba") is None:
        return _sum_by_numpy(tables, blocks, channels, unit)
    from archkit.count.compiled import sum_compiled

    return sum_compiled(tables, blocks, channels, unit, (_PARAMS, _MACS))


def _sum_by_numpy(
    tables: CostTables, blocks: NDArray[Any], channels: NDArray[Any], unit: int
) -> tuple[Ints, Ints]:
    at = channels.astype(np.int64) // unit - 1
    found = []
    for metric in (_PARAMS, _MACS):
        total = tables.head[metric, at[:, -1]]
        for i, (first, other) in enumerate(zip(tables.first, tables.other, strict=True)):
            before = at[:, i - 1] if i else 0
            total = total + first[metric, before, at[:, i]]
            total += (blocks[:, i].astype(np.int64) - 1) * other[metric, at[:, i]]
        found.append(total)
    return found[0], found[1]
