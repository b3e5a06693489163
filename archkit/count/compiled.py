"""The loop of `count_arrays` compiled by numba; importing this needs numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from archkit.count.tables import CostTables, Ints

__all__ = ["sum_compiled"]


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
