"""The beginnings and the endings of a skeleton's networks, as points in the space of the limited figures.

A network is cut behind a stage. What lies before the cut is a *beginning*, what lies behind it with the head
an *ending*; each is a point whose coordinates are what it costs of every limited figure. Points are made
stage by stage, in an order that their number gives back: `Half.path` walks from a number to the network.

Legend: K limited figures, P widths of the stage before, C widths of a stage, N points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.rooms import times
from archkit.budget.stage_tables import CEILING, Bools, Ints, SkeletonTables

__all__ = ["Half", "Halves", "halves"]

_REMEMBERED: Final = 64  # widths whose starts are kept for the walk back
_Path = list[tuple[int, int]]  # (index of the width, blocks) of each stage, the one at the cut first


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """A stage as a half sees it, which comes to it from the side that is away from the cut.

    Attributes:
        join: what joining a width to one of the stop before costs, K x P x C.
        allowed: whether they may be joined, P x C.
        other: cost of each further block, K x C.
        blocks: the numbers of blocks that each width may have, C of them.
        room: what the rest of the network leaves at most of each figure, K x C.
    """

    join: Ints
    allowed: Bools
    other: Ints
    blocks: tuple[Ints, ...]
    room: Ints


class Half:
    """All beginnings, or all endings: `points[c]`, K x N, are those whose stage at the cut has width c."""

    def __init__(self, stops: Sequence[Stop]) -> None:
        """`stops` begin at the end of the network that is away from the cut."""
        self._stops = tuple(stops)
        self._levels: list[list[Ints]] = []
        self._starts: dict[tuple[int, int], tuple[Ints, Ints, Ints]] = {}
        for level in range(len(stops)):
            self._levels.append([self._points(level, c) for c in range(stops[level].other.shape[1])])

    @property
    def points(self) -> list[Ints]:
        """For each width at the cut, K x N."""
        return self._levels[-1]

    def path(self, c: int, number: int) -> _Path:
        """The stages of a point, from the one at the cut outwards."""
        found = []
        for level in reversed(range(len(self._stops))):
            ends, fits, sizes = self._walk(level, c)
            start = int(np.searchsorted(ends, number, side="right"))
            nth = number - (int(ends[start - 1]) if start else 0)
            found.append((c, int(self._stops[level].blocks[c][nth])))
            number = int(fits[start])
            if level:
                before = np.flatnonzero(self._stops[level].allowed[:, c])
                at = int(np.searchsorted(sizes, number, side="right"))
                c, number = int(before[at]), number - (int(sizes[at - 1]) if at else 0)
        return found

    def _walk(self, level: int, c: int) -> tuple[Ints, Ints, Ints]:
        """What leads back from the points of a width: see `path`."""
        if (level, c) not in self._starts:
            if len(self._starts) >= _REMEMBERED:
                self._starts.clear()
            starts, sizes = self._entering(level, c)
            fits, depths = self._depths(level, c, starts)
            self._starts[level, c] = np.cumsum(depths), fits, np.cumsum(sizes)
        return self._starts[level, c]

    def _entering(self, level: int, c: int) -> tuple[Ints, list[int]]:
        """The points with which a width can be entered, K x N, and how many come from each width before."""
        stop = self._stops[level]
        if not level:
            start = stop.join[:, :1, c]
            return (start if stop.allowed[0, c] else start[:, :0]), [1]
        before = np.flatnonzero(stop.allowed[:, c]).tolist()
        parts = [self._levels[level - 1][b] + stop.join[:, b, c][:, None] for b in before]
        if not parts:
            return np.zeros((len(stop.room), 0), dtype=np.int64), []
        return np.concatenate(parts, axis=1), [part.shape[1] for part in parts]

    def _depths(self, level: int, c: int, starts: Ints) -> tuple[Ints, Ints]:
        """Which starts fit with the fewest blocks, and in how many numbers of blocks each of those fits."""
        stop = self._stops[level]
        left = stop.room[:, c][:, None] - starts
        fits = np.flatnonzero((left >= 0).all(axis=0))
        most = times(left[:, fits], stop.other[:, c][:, None]).min(axis=0) + 1
        depths = np.searchsorted(stop.blocks[c], most, side="right")
        some = depths > 0
        return fits[some], depths[some]

    def _points(self, level: int, c: int) -> Ints:
        """Every start followed by every number of blocks."""
        stop = self._stops[level]
        starts, _ = self._entering(level, c)
        fits, depths = self._depths(level, c, starts)
        rows = np.repeat(fits, depths)
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(depths) - depths, depths)
        found: Ints = starts[:, rows] + stop.other[:, c][:, None] * (stop.blocks[c][nth] - 1)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Halves:
    """A skeleton cut in two.

    Attributes:
        tables: the skeleton's.
        beginnings: of the stages before the cut.
        endings: of the stages after it, with the head; the first block of the stage after the cut is not in
            them.
        join: cost of that block, K x P x C.
        allowed: whether those widths may meet, P x C.
        high: the upper limits, K.
    """

    tables: SkeletonTables
    beginnings: Half
    endings: Half
    join: Ints
    allowed: Bools
    high: Ints

    def network(self, a: int, beginning: int, c: int, ending: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Blocks and channels of the network of two points, which are given by width and number."""
        path = [*reversed(self.beginnings.path(a, beginning)), *self.endings.path(c, ending)]
        stages = self.tables.stages
        path = path[: len(stages)]  # without a stage behind the cut the head alone is the ending
        return (
            tuple(n for _, n in path),
            tuple(stage.channels[at] for stage, (at, _) in zip(stages, path, strict=True)),
        )


def halves(tables: SkeletonTables, rows: Sequence[int], split: int) -> Halves:
    """Both halves of a skeleton's networks, in the figures of some rows; stage `split` is the first ending.

    The upper limits of these rows must leave every stage an end.
    """
    at = np.array(rows)
    stages, high, head = tables.stages, tables.high[at], tables.head[at]
    first = [table.first[at] for table in stages]
    other = [table.other[at] for table in stages]
    few = tables.fewest
    blocks = [table.blocks_by_width() for table in stages]
    # The least that the stages behind each width cost, and the least with which a width is entered.
    after = [head]
    for j in range(len(stages) - 1, 0, -1):
        cost = first[j] + (few[j] * other[j] + after[0])[:, None, :]
        after.insert(0, np.where(stages[j].allowed, cost, CEILING).min(axis=2))
    entered = [np.where(stages[0].allowed[0], first[0][:, 0, :], CEILING)]
    for j in range(1, len(stages)):
        cost = (entered[-1] + few[j - 1] * other[j - 1])[:, :, None] + first[j]
        entered.append(np.where(stages[j].allowed, cost, CEILING).min(axis=1))
    # What cannot be entered has no room; nothing is taken from the ceiling, which would pass 64 bits.
    beginnings = [
        Stop(
            join=first[j],
            allowed=stages[j].allowed,
            other=other[j],
            blocks=blocks[j],
            room=np.where(after[j] < CEILING, high[:, None] - np.minimum(after[j], CEILING), -1),
        )
        for j in range(split)
    ]
    endings = []
    for j in range(len(stages) - 1, split - 1, -1):
        last = j == len(stages) - 1
        endings.append(
            Stop(
                join=head[:, None, :] if last else np.swapaxes(first[j + 1], 1, 2),
                allowed=np.ones((1, head.shape[1]), dtype=bool) if last else stages[j + 1].allowed.T,
                other=other[j],
                blocks=blocks[j],
                room=np.where(entered[j] < CEILING, high[:, None] - np.minimum(entered[j], CEILING), -1),
            )
        )
    if split < len(stages):
        join, allowed = first[split], stages[split].allowed
    else:
        widths = head.shape[1]
        one = tuple(np.ones(1, dtype=np.int64) for _ in range(widths))
        room = np.broadcast_to(high[:, None], head.shape)
        alone = np.ones((1, widths), dtype=bool)
        endings.append(
            Stop(join=head[:, None, :], allowed=alone, other=np.ones_like(head), blocks=one, room=room)
        )
        join, allowed = np.zeros((len(at), widths, widths), dtype=np.int64), np.eye(widths, dtype=bool)
    return Halves(
        tables=tables,
        beginnings=Half(beginnings),
        endings=Half(endings),
        join=join,
        allowed=allowed,
        high=high,
    )
