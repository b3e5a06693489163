"""Where to cut a skeleton in two, from a rough estimate of how many beginnings and endings there are.

Nothing that is counted rests on the estimate: it chooses where the cut is, and whether the points of both
halves fit into memory at all. Costs are rounded to a few cells, and of many widths every k-th stands for k.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archkit.budget.stage_tables import CEILING, Ints, SkeletonTables

__all__ = ["Split", "best_split"]

_CELLS: Final = 256  # that an upper limit is cut into
_WIDTHS: Final = 24  # that stand for all widths of a stage
_Floats = NDArray[np.float64]


class Split(NamedTuple):
    """A place to cut, and what cutting there would take.

    at: the first stage after the cut; the number of stages if only the head is.
    points: about how many beginnings and endings there are.
    work: about how many of them are compared, over all widths at the cut.
    """

    at: int
    points: float
    work: float


def best_split(tables: SkeletonTables, rows: Sequence[int]) -> Split:
    """The cut that takes the least work; `rows` are the limited figures."""
    thin = [_thinned(len(table.channels)) for table in tables.stages]
    halves = [_sizes(tables, m, thin) for m in rows]
    begin = [np.min([one[0][j] for one in halves], axis=0) for j in range(len(tables.stages))]
    end = [np.min([one[1][j] for one in halves], axis=0) for j in range(len(tables.stages))]
    found = []
    for at in range(1, len(tables.stages) + 1):
        before, stands = begin[at - 1], thin[at - 1][1]
        if at < len(tables.stages):
            allowed = tables.stages[at].allowed[np.ix_(thin[at - 1][0], thin[at][0])]
            asked, answers = (before * stands) @ allowed, end[at]
            here = thin[at][1]
        else:
            asked, answers, here = before, np.ones(len(before)), stands
        found.append(
            Split(
                at=at,
                points=float(before @ stands + answers @ here),
                work=float((asked + answers) @ here),
            )
        )
    return min(found, key=lambda split: split.work)


def _thinned(widths: int) -> tuple[Ints, _Floats]:
    """The places of the widths that stand for all, and for how many each stands."""
    parts = np.array_split(np.arange(widths), min(widths, _WIDTHS))
    return np.array([part[len(part) // 2] for part in parts]), np.array([float(len(part)) for part in parts])


def _sizes(
    tables: SkeletonTables, m: int, thin: list[tuple[Ints, _Floats]]
) -> tuple[list[_Floats], list[_Floats]]:
    """How many beginnings end in each width of each stage, and how many endings start there."""
    stages = tables.stages
    scale = 0.0 if tables.high[m] >= CEILING else _CELLS / max(int(tables.high[m]), 1)

    def cells(costs: Any) -> Any:
        return np.minimum((costs * scale).astype(np.int64), _CELLS)

    picks = [at for at, _ in thin]
    other = [stages[j].other[m][picks[j]] * scale for j in range(len(stages))]
    first = [
        cells(stages[j].first[m][np.ix_(picks[j - 1] if j else np.array([0]), picks[j])])
        for j in range(len(stages))
    ]
    allowed = [
        stages[j].allowed[np.ix_(picks[j - 1] if j else np.array([0]), picks[j])] for j in range(len(stages))
    ]
    head = cells(tables.head[m][picks[-1]])

    def deeper(j: int, ways: _Floats) -> _Floats:
        found = np.zeros_like(ways)
        blocks = np.array(stages[j].blocks, dtype=np.float64)
        for c, at in enumerate(picks[j].tolist()):
            depths = blocks if stages[j].deeper[at] else blocks[: int(stages[j].blocks[:1] == (1,))]
            depths = depths[: int(np.searchsorted(depths, stages[j].most[at], side="right"))]
            spent = ((depths - 1) * other[j][c]).astype(np.int64)
            weights = np.bincount(spent[spent <= _CELLS], minlength=_CELLS + 1).astype(np.float64)
            found[c] = np.convolve(ways[c], weights)[: _CELLS + 1]
        return found

    def joined(ways: _Floats, stands: _Floats, cost: Ints, may: Any) -> _Floats:
        found = np.zeros((cost.shape[1], _CELLS + 1))
        for b, c in np.argwhere(may).tolist():
            by = int(cost[b, c])
            found[c, by:] += stands[b] * ways[b, : _CELLS + 1 - by]
        return found

    # A beginning's cells are what it spends; the least that follows must still fit.
    after: list[Ints] = [head]
    for j in range(len(stages) - 1, 0, -1):
        cost = np.where(allowed[j], first[j] + after[0][None, :], _CELLS + 1)
        after.insert(0, cost.min(axis=1))
    entered: list[Ints] = [np.where(allowed[0][0], first[0][0], _CELLS + 1)]
    for j in range(1, len(stages)):
        entered.append(np.where(allowed[j], entered[-1][:, None] + first[j], _CELLS + 1).min(axis=0))

    begin, one = [], np.zeros((1, _CELLS + 1))
    one[0, 0] = 1
    ways, stands = one, np.ones(1)
    for j in range(len(stages)):
        ways = _kept(deeper(j, joined(ways, stands, first[j], allowed[j])), after[j])
        stands = thin[j][1]
        begin.append(ways.sum(axis=1))
    end: list[_Floats] = []
    ways = np.zeros((len(head), _CELLS + 1))
    ways[np.arange(len(head)), head] = 1
    for j in range(len(stages) - 1, -1, -1):
        if j < len(stages) - 1:
            ways = joined(ways, thin[j + 1][1], first[j + 1].T, allowed[j + 1].T)
        ways = _kept(deeper(j, ways), entered[j])
        end.insert(0, ways.sum(axis=1))
    return begin, end


def _kept(ways: _Floats, rest: Ints) -> _Floats:
    """The ways that leave room for the rest of the network."""
    spent = np.arange(_CELLS + 1)[None, :]
    return np.where(spent + rest[:, None] <= _CELLS, ways, 0.0)
