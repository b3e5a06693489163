"""Counting, for many queries at once, the points that lie below each of them in every figure.

In two figures a wavelet tree (Grossi, Gupta and Vitter 2003) over the points' ranks answers all queries
level by level in whole arrays. With more figures the points are split at the median of the last one
(Bentley 1980, multidimensional divide and conquer). Integers only: nothing is rounded.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archkit.budget.stage_tables import Bools, Ints

__all__ = ["count_below", "total_below"]

_FEW: Final = 48  # points that are compared with every query one by one
_QUERIES: Final = 4_000_000  # that are answered together
_CACHED: Final = 2**15  # queries whose numbers stay in a core's cache


def count_below(points: Ints, queries: Ints) -> Ints:
    """For each query, how many points are at most as large in every figure.

    Args:
        points: K x N.
        queries: K x Q.

    Returns:
        Q integers.
    """
    figures, n = points.shape
    if not n or not queries.shape[1]:
        return np.zeros(queries.shape[1], dtype=np.int64)
    idle = points.max(axis=1) <= queries.min(axis=1)
    if idle.any():
        if idle.all():
            return np.full(queries.shape[1], n, dtype=np.int64)
        return count_below(points[~idle], queries[~idle])
    if figures == 1:
        found: Ints = np.searchsorted(np.sort(points[0]), queries[0], side="right")
        return found
    if n <= _FEW:
        return _one_by_one(points, queries)
    if figures == 2:
        return _in_two(points, queries)
    order = np.argsort(points[-1], kind="stable")
    low, high = points[:, order[: n // 2]], points[:, order[n // 2 :]]
    # What reaches the median has all of the lower half below it in that figure.
    reaches = queries[-1] >= low[-1, -1]
    above = queries[:, reaches]
    found = np.zeros(queries.shape[1], dtype=np.int64)
    found[reaches] = count_below(low[:-1], above[:-1]) + count_below(high, above)
    found[~reaches] = count_below(low, queries[:, ~reaches])
    return found


def total_below(points: Ints, queries: Ints) -> int:
    """How many pairs of a point and a query there are where the point is below: the sum of `count_below`."""
    if not points.shape[1] or not queries.shape[1]:
        return 0
    if queries.shape[1] < points.shape[1]:
        # The tree stands on the smaller side: a point is below a query where its negative is above.
        points, queries = -queries, -points
    return sum(
        int(count_below(points, queries[:, at : at + _QUERIES]).sum())
        for at in range(0, queries.shape[1], _QUERIES)
    )


def _one_by_one(points: Ints, queries: Ints) -> Ints:
    found = np.zeros(queries.shape[1], dtype=np.int64)
    for point in points.T:
        below: Bools = queries[0] >= point[0]
        for figure in range(1, len(point)):
            below &= queries[figure] >= point[figure]
        found += below
    return found


def _in_two(points: Ints, queries: Ints) -> Ints:
    n = points.shape[1]
    by_first = np.argsort(points[0], kind="stable")
    reach = np.searchsorted(points[0][by_first], queries[0], side="right")
    second = points[1][by_first]
    order = np.argsort(second, kind="stable")
    rank = np.searchsorted(second[order], queries[1], side="right")
    # The ranks of the second figure in the order of the first; each of 0..n-1 stands there once.
    ranks: NDArray[Any] = np.empty(n, dtype=np.int32 if n < 2**31 else np.int64)
    ranks[order] = np.arange(n, dtype=ranks.dtype)
    found = np.where(rank == n, reach, 0)
    asking = np.flatnonzero((rank < n) & (rank > 0) & (reach > 0))
    found[asking] = _ranks_below(ranks, reach[asking], rank[asking])
    return found


def _ranks_below(ranks: NDArray[Any], reach: Ints, rank: Ints) -> NDArray[Any]:
    """For each query, how many of the first `reach` entries of a permutation are less than `rank`.

    A node of the tree holds the entries that agree in their upper bits. The entries being a permutation, it
    begins at the least of them, so that no node's place need be kept. `reach` counts within the node.
    """
    n = len(ranks)
    found = np.zeros(len(reach), dtype=ranks.dtype)
    reach, rank = reach.astype(ranks.dtype), rank.astype(ranks.dtype)
    places = np.arange(n, dtype=ranks.dtype)
    zeros = np.zeros(n + 1, dtype=ranks.dtype)
    for bit in reversed(range((n - 1).bit_length())):
        upper = (ranks >> bit) & 1
        np.cumsum(1 - upper, out=zeros[1:])
        for low in range(0, len(reach), _CACHED):
            here = slice(low, low + _CACHED)
            k, r = reach[here], rank[here]
            start = (r >> (bit + 1)) << (bit + 1)
            # Every node before this one is full, and half of a full node's entries have a 0 here.
            left = zeros[start + k] - (start >> 1)
            right = (r >> bit) & 1
            found[here] += left * right
            k -= left
            k *= right
            k += left * (1 - right)
        if bit:
            begins = (ranks >> (bit + 1)) << (bit + 1)
            before = zeros[:-1] - (begins >> 1)  # entries with a 0 here that stand before, in the node
            half = np.minimum(1 << bit, n - begins)
            place = np.where(upper == 0, begins + before, half + places - before)
            moved = np.empty_like(ranks)
            moved[place] = ranks
            ranks = moved
    return found
