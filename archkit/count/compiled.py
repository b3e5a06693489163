"""The loop of `count_arrays` compiled by numba; importing this needs numba."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

from archkit.count.tables import CostTables, Ints

__all__ = ["extremes_compiled", "sum_compiled"]

_CHUNK: Final = 8_192  # rows that a core goes through at once, column by column: they stay in its cache


def extremes_compiled(array: NDArray[Any]) -> tuple[Ints, Ints, int]:
    """The least and the largest of each column of N x S integers, N > 0, and all the bits that are set."""
    found = _extremes(array, _CHUNK)
    return found[0].min(axis=0), found[1].max(axis=0), int(np.bitwise_or.reduce(found[2], axis=None))


def sum_compiled(
    tables: CostTables, blocks: NDArray[Any], channels: NDArray[Any], unit: int, metrics: tuple[int, int]
) -> tuple[Ints, Ints]:
    """Sums two metrics over the stages of each network; see `count_arrays`.

    Args:
        tables: over the widths `unit, 2 * unit, ...` of each stage.
        blocks: N x S.
        channels: N x S, multiples of `unit`.
        unit: a power of two.
        metrics: rows of the tables.
    """
    # All tables in one array, and where each stage's begins: numba knows no tuple of arrays of
    # several shapes. Both metrics of a look-up stand side by side, in one cache line.
    pair = list(metrics)
    first = np.concatenate([np.moveaxis(t[pair], 0, -1).reshape(-1, 2) for t in tables.first])
    other = np.concatenate([t[pair].T for t in tables.other])
    head = np.ascontiguousarray(tables.head[pair].T)
    widths = np.array([t.shape[-1] for t in tables.first], dtype=np.int64)
    first_at = np.cumsum([0, *(t[0].size for t in tables.first[:-1])])
    other_at = np.cumsum([0, *widths[:-1]])
    params, macs = np.empty(len(blocks), dtype=np.int64), np.empty(len(blocks), dtype=np.int64)
    shift = unit.bit_length() - 1
    _loop(blocks, channels, shift, first, other, head, widths, first_at, other_at, params, macs)
    return params, macs


@numba.njit(parallel=True, cache=True, nogil=True)
def _extremes(array: Any, chunk: int) -> Any:
    rows, columns = array.shape
    chunks = (rows + chunk - 1) // chunk
    found = np.empty((3, chunks, columns), dtype=np.int64)
    for part in numba.prange(chunks):
        start, stop = part * chunk, min(rows, (part + 1) * chunk)
        for i in range(columns):
            least = most = np.int64(array[start, i])
            bits = np.int64(0)
            for k in range(start, stop):
                value = np.int64(array[k, i])
                least, most, bits = min(least, value), max(most, value), bits | value
            found[0, part, i], found[1, part, i], found[2, part, i] = least, most, bits
    return found


@numba.njit(parallel=True, cache=True, nogil=True)
def _loop(
    blocks: Any,
    channels: Any,
    shift: int,
    first: Any,
    other: Any,
    head: Any,
    widths: Any,
    first_at: Any,
    other_at: Any,
    params: Any,
    macs: Any,
) -> None:
    stages = blocks.shape[1]
    for k in numba.prange(blocks.shape[0]):
        p, m = np.int64(0), np.int64(0)
        # Unsigned indices: numba would look for negative ones at every access otherwise.
        before, at = np.uint64(0), np.uint64(0)
        for i in range(stages):
            at = np.uint64((channels[k, i] >> shift) - 1)
            row = np.uint64(first_at[i]) + before * np.uint64(widths[i]) + at
            same = np.uint64(other_at[i]) + at
            more = np.int64(blocks[k, i] - 1)
            p += first[row, np.uint64(0)] + more * other[same, np.uint64(0)]
            m += first[row, np.uint64(1)] + more * other[same, np.uint64(1)]
            before = at
        params[k] = p + head[at, np.uint64(0)]
        macs[k] = m + head[at, np.uint64(1)]
