"""From a coarse space to the whole one: what is found among some of the widths is what the rest must beat."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from archkit.budget.bounds import Bounds
from archkit.budget.deepmad import LENGTHS
from archkit.budget.objective import Floats
from archkit.budget.prices import Prices, chosen_prices, no_prices
from archkit.budget.profiles import lay_out
from archkit.budget.scored import Scored
from archkit.budget.search import Search
from archkit.budget.stage_tables import Ints
from archkit.budget.stream import Stream

__all__ = ["Levels", "Watch"]

_SMALL: Final = 20_000  # width profiles that are bounded without a coarser space
_COARSER: Final = 4  # every so manyth width makes a coarser space
_BLOCK: Final = 65_536  # width profiles that are bounded together
_FEW: Final = 8  # width profiles that are searched together at first
_TOGETHER: Final = 1_024  # and later
_BOUNDED: Final = 50  # as many partial networks take about as long as bounds on one width profile
_MOST_HELD: Final = 6_000_000
_NEW: Final = 20_000  # width profiles after which the most promising are searched at once

Watch: TypeAlias = Callable[[int, int], None]
"""Is told how much of the work is done, and how much there is at most."""


class Levels:
    """Solves a space after some coarser ones.

    Attributes:
        search: keeps the best networks.
        too_large: how many width profiles were left out since their fewest blocks break a limit.
        searched: how many were searched.
        open_bound: if the search was cut off, no network is better than this.
    """

    def __init__(self, search: Search, effort: int, watch: Watch | None) -> None:
        self.search = search
        self.too_large = 0
        self.searched = 0
        self.open_bound: float | None = None
        self._effort, self._watch = effort, watch
        self._in_all = 0
        self._found: dict[int, Prices] = {}
        self._last = False

    def solve(self, skeletons: list[Scored]) -> None:
        """Solve a space, after every fourth of its widths, every sixteenth and so on."""
        levels = [skeletons]
        while (size := _size(levels[-1])) > _SMALL:
            coarser = [each.thinned(_COARSER) for each in levels[-1]]
            if _size(coarser) == size:
                break
            levels.append(coarser)
        prices: dict[int, Prices] = {}
        for level in levels[:0:-1]:
            self._go_through(level, prices, self._effort // 10, None)
            prices = {i: chosen_prices(level[i], found) for i, found in self._found.items()}
        self._last = True
        self._go_through(skeletons, prices, self._effort, self._watch)

    def _go_through(
        self, skeletons: list[Scored], prices: dict[int, Prices], effort: int, watch: Watch | None
    ) -> None:
        """Stream the width profiles of some skeletons, and search those that are left."""
        self.search.start(effort)
        self._found = {}
        self.too_large = self.searched = 0
        in_all, out, held = _size(skeletons), 0, _Held(skeletons)
        for i, each in enumerate(skeletons):
            stream = Stream(each, prices.get(i) or no_prices(each), self.search, effort)
            for widths, upper in stream:
                for low in range(0, len(upper), _BLOCK):
                    part = slice(low, low + _BLOCK)
                    held.add(i, *self._promising(each, widths[part], upper[part]))
                    stream.looked += _BOUNDED * len(upper[part])
                    if held.new > _NEW and not self.search.exhausted:
                        self._search_best(held)
                if watch is not None:
                    watch(out + stream.too_large + stream.beaten, in_all)
            held.dropped = max(held.dropped, stream.open_bound)
            self.too_large += stream.too_large
            out += stream.too_large + stream.beaten
        bound = max(self._search_held(held, in_all, watch), held.dropped)
        self.open_bound = None if bound == -np.inf or self.search.beaten(bound) else bound

    def _promising(self, skeleton: Scored, widths: Ints, upper: Floats) -> tuple[Ints, Floats]:
        """The width profiles that may hold one of the best networks, with better bounds."""
        loose = Bounds(lay_out(skeleton, widths)).upper
        kept = np.flatnonzero(np.minimum(loose, upper) >= self._floor())
        widths, upper = widths[kept], upper[kept]
        kept, bounds = Bounds(lay_out(skeleton, widths)).tightened(self._floor())
        return widths[kept], np.minimum(upper[kept], bounds.upper)

    def _floor(self) -> float:
        """What a bound must reach: of a profile that holds no network it is -inf."""
        return max(self.search.floor(), -sys.float_info.max)

    def _search_best(self, held: _Held) -> None:
        """Search the most promising of what is held, so that the rest has more to beat."""
        number, widths, upper = held.taken(_TOGETHER)
        for i in np.unique(number).tolist():
            self._search_some(held.skeletons[i], widths[number == i])
        if self.search.exhausted:
            held.dropped = max(held.dropped, float(upper[0]))

    def _search_held(self, held: _Held, in_all: int, watch: Watch | None) -> float:
        """Search what is held from the best bound down; the bound on what is left if the effort is spent."""
        number, widths, upper = held.best_first()
        # Few at first, which may rule the others out; but a coarser space is there to learn from.
        low, together = 0, min(_FEW, _TOGETHER) if self._last else _TOGETHER
        while low < len(upper) and not self.search.beaten(float(upper[low])):
            rows = np.arange(low, min(low + together, len(upper)))
            for i in np.unique(number[rows]).tolist():
                some = rows[number[rows] == i]
                self._search_some(held.skeletons[i], widths[some])
                if self.search.exhausted:
                    return float(upper[low])
            if watch is not None:
                watch(in_all - len(upper) + low + len(rows), in_all)
            low, together = low + len(rows), min(2 * together, _TOGETHER)
        return -np.inf

    def _search_some(self, skeleton: Scored, widths: Ints) -> None:
        widths = widths[:, : len(skeleton.stages)].astype(np.int64)
        kept, bounds = Bounds(lay_out(skeleton, widths)).tightened(self._floor())
        profiles = lay_out(skeleton, widths[kept])
        shared = len(profiles.limits()) + (len(LENGTHS) if profiles.score.tangents else 0)
        learnt = Prices.of(bounds, shared)
        if skeleton.number in self._found:
            learnt = self._found[skeleton.number].joined(learnt)
        self._found[skeleton.number] = learnt
        self.search.go_through(profiles, bounds)
        self.searched += len(widths)


def _size(skeletons: list[Scored]) -> int:
    return sum(each.profiles for each in skeletons)


class _Held:
    """Width profiles that are still to be searched. Legend: N profiles, S the most stages.

    Attributes:
        skeletons: whose profiles they are.
        dropped: a bound on the profiles that there was no room for; -inf if there was.
        new: how many were added since some were last taken.
    """

    def __init__(self, skeletons: list[Scored]) -> None:
        self.skeletons = skeletons
        self.dropped = -np.inf
        self.new = 0
        self._most = max((len(each.stages) for each in skeletons), default=0)
        self._parts: list[tuple[Any, Any, Floats]] = []
        self._count = 0

    def add(self, number: int, widths: Ints, upper: Floats) -> None:
        """Hold some more, of one skeleton."""
        if not len(upper):
            return
        padded = np.zeros((len(upper), self._most), dtype=np.int32)
        padded[:, : widths.shape[1]] = widths
        self._parts.append((np.full(len(upper), number, dtype=np.int32), padded, upper))
        self._count += len(upper)
        self.new += len(upper)
        if self._count > _MOST_HELD:
            held, half = self.best_first(), _MOST_HELD // 2
            self.dropped = max(self.dropped, float(held[2][half]))
            self._hold([each[:half] for each in held])

    def taken(self, count: int) -> tuple[Any, Any, Floats]:
        """So many with the best bounds, which are held no longer."""
        held = self.best_first()
        self._hold([each[count:] for each in held])
        self.new = 0
        number, widths, upper = (each[:count] for each in held)
        return number, widths, upper

    def _hold(self, held: Sequence[Any]) -> None:
        number, widths, upper = held
        self._parts, self._count = [(number, widths, upper)], len(upper)

    def best_first(self) -> tuple[Any, Any, Floats]:
        """The place of the skeleton of each, N, its widths, N x S, and its bound, N; the best bound first."""
        if not self._parts:
            return np.zeros(0, dtype=np.int32), np.zeros((0, self._most), dtype=np.int32), np.zeros(0)
        number = np.concatenate([part[0] for part in self._parts])
        widths = np.concatenate([part[1] for part in self._parts])
        upper: Floats = np.concatenate([part[2] for part in self._parts])
        order = np.argsort(-upper, kind="stable")
        return number[order], widths[order], upper[order]
