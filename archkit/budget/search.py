"""The search through the depths of many width profiles at once: branch and bound, in arrays."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from archkit.budget.bounds import SLACK, Bounds, snapped
from archkit.budget.objective import Floats, Objective
from archkit.budget.profiles import WidthProfiles
from archkit.budget.rooms import from_last, gained, times, times_to_reach, worth
from archkit.budget.scored import Accepts, Scored
from archkit.budget.stage_tables import CEILING, Bools, Ints
from archkit.count.metrics import ENTROPY, PEAK

__all__ = ["Search"]

_ROWS: Final = 16_384  # partial networks that go on together, the most promising first
_CELLS: Final = 1_000_000  # partial networks that these may become at once
_SLACK: Final = 1e-9  # relative; rounding lowers a bound in floats by less


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """Partial networks: the depths of the first j stages in some order. Legend: N rows, M figures.

    Attributes:
        profile: which width profile each has, N.
        more: further blocks of each stage so far, in the order of the search, N x j.
        costs: the costs if every stage to come has its fewest blocks, M x N.
        value: the objective in the same case, or the tangent above it, N.
        priced: its bound in the same case, which counts on nothing beyond what the multipliers charge, N.
        logs: sum of the logarithms of the convs' widths in the further blocks, N.
        convs: how many convs those are, N.
    """

    profile: Ints
    more: Ints
    costs: Ints
    value: Floats
    priced: Floats
    logs: Floats
    convs: Ints


class Search:
    """A search through width profiles, which keeps the best networks.

    Attributes:
        heap: the best so far, the worst of them first: value, order, skeleton, blocks and channels.
        partial: how many partial networks were looked at.
    """

    def __init__(self, objective: Objective, n: int, *, accepts: Accepts | None = None) -> None:
        self.heap: list[tuple[float, int, Scored, tuple[int, ...], tuple[int, ...]]] = []
        self.partial = 0
        self.objective = objective
        self._n = n
        self._accepts = accepts
        self._effort = 0
        self._serial = 0
        self._seen: set[tuple[int, tuple[int, ...], tuple[int, ...]]] = set()

    def start(self, effort: int) -> None:
        """Look at so many partial networks from here on."""
        self.partial, self._effort = 0, effort

    @property
    def exhausted(self) -> bool:
        """Whether the effort is spent."""
        return self.partial > self._effort

    def beaten(self, bound: float) -> bool:
        """Whether no network under this bound can be among the best."""
        return bound < self.floor()

    def floor(self) -> float:
        """A network with a bound below this cannot be among the best."""
        if len(self.heap) < self._n:
            return -np.inf
        worst = self.heap[0][0]
        if self.objective.whole:
            # Figures are whole: a bound that does not reach the next whole number is beaten.
            return worst + 1 - SLACK
        return worst - abs(worst) * _SLACK

    def go_through(self, profiles: WidthProfiles, bounds: Bounds) -> None:
        """Search the depths of some profiles."""
        stages = profiles.widths.shape[1]
        if self.tries is None:
            _Batch(self, profiles, bounds, np.arange(len(profiles)), list(range(stages))).go()
            return
        # Only a few depths of the last stage are worth a look: it had better be the one that has the most.
        last = np.argmax(profiles.most, axis=1)
        for j in np.unique(last).tolist():
            order = [i for i in range(stages) if i != j] + [j]
            _Batch(self, profiles, bounds, np.flatnonzero(last == j), order).go()

    def take(self, profiles: WidthProfiles, rows: _Rows, order: list[int]) -> None:
        """Keep the best of some whole networks, whose stages were chosen in some order."""
        skeleton = profiles.skeleton
        tables = skeleton.tables
        fits = (rows.costs >= tables.low[:, None]) & (rows.costs <= tables.high[:, None])
        good = np.flatnonzero(fits.all(axis=0))
        value = self._values(profiles, rows, good)
        place = np.argsort(order)
        first = np.argsort(-value, kind="stable")[: None if self._accepts else 2 * self._n]
        for entry, at in zip(value[first].tolist(), good[first].tolist(), strict=True):
            if len(self.heap) >= self._n and entry <= self.heap[0][0]:
                return
            widths = profiles.widths[rows.profile[at]].tolist()
            channels = tuple(t.channels[c] for t, c in zip(tables.stages, widths, strict=True))
            more = rows.more[at, place].tolist()
            blocks = tuple(t.blocks[0] + m for t, m in zip(tables.stages, more, strict=True))
            self._keep(entry, skeleton, blocks, channels)

    def _keep(
        self, value: float, skeleton: Scored, blocks: tuple[int, ...], channels: tuple[int, ...]
    ) -> None:
        key = (skeleton.number, blocks, channels)
        if key in self._seen:
            return  # found before, among fewer widths
        self._seen.add(key)
        if self._accepts is not None and not self._accepts(skeleton.tables, blocks, channels):
            return
        self._serial -= 1
        item = (value, self._serial, skeleton, blocks, channels)
        if len(self.heap) < self._n:
            heapq.heappush(self.heap, item)
        else:
            _, _, out, *rest = heapq.heapreplace(self.heap, item)
            self._seen.discard((out.number, *rest))

    def _values(self, profiles: WidthProfiles, rows: _Rows, good: Ints) -> Floats:
        curve = profiles.score.curve
        if curve is not None:
            found: Floats = curve.weights @ np.log(rows.costs[list(curve.rows)][:, good])
            return found
        if self.objective.name == PEAK:
            return np.asarray(rows.costs[-1, good] * (1.0 if self.objective.most else -1.0))
        return rows.value[good]

    @property
    def tries(self) -> int | None:
        """How many depths of the last stage are worth a look for each beginning; None for all.

        A figure grows with the depth, so that the best depths stand at one end of those that fit. One more
        is looked at because the peak may be limited from below: one block may miss that and two reach it.
        """
        every = self._accepts is not None or self.objective.name in (ENTROPY, PEAK)
        return None if every else self._n + 1


class _Batch:
    """Some width profiles of a skeleton: what stays the same while their depths are searched.

    Legend: N profiles, S stages in the order of the search.
    """

    def __init__(
        self, search: Search, profiles: WidthProfiles, bounds: Bounds, which: Ints, order: list[int]
    ) -> None:
        self._search, self._profiles, self._which, self._order = search, profiles, which, order
        self._tables = profiles.skeleton.tables
        self._more = [profiles.skeleton.stages[j].more for j in order]
        self._most = profiles.most[which][:, order]
        self._steps = profiles.steps[:, which][:, :, order]
        self._start, self._base = bounds.start()[which], bounds.base[which]
        self._reduced, self._gain = bounds.reduced()[which][:, order], bounds.gain[which][:, order]
        # The most that the stages after each one can add beyond what the multipliers charge, N x (S + 1).
        self._after = from_last(np.add, self._most * np.maximum(self._reduced, 0))
        # Whether one end of the depths of the last stage will do, and which.
        self._few = search.tries is not None
        self._units = self._units_after() if search.objective.whole and self._few else None
        self._upper = [m for m in range(self._tables.sums) if self._tables.high[m] < CEILING]
        # The most that the stages after each one can gain, N x (S + 1), in all and for each unit of a limit.
        gain = np.where(self._most > 0, np.maximum(self._gain, 0), 0)
        self._gain_after = from_last(np.add, self._most * gain)
        self._worth_after = [from_last(np.maximum, worth(gain, self._steps[m])) for m in self._upper]
        # Where a further block costs something of every limited figure, a product will do.
        free = any(np.isinf(each).any() for each in self._worth_after)
        self._gained: Callable[[Any, Any], Any] = gained if free else np.multiply
        # How many of the numbers of further blocks are open to each stage, N x S.
        self._choices = np.column_stack(
            [
                np.searchsorted(more, most, side="right")
                for more, most in zip(self._more, self._most.T, strict=True)
            ]
        )

    def _units_after(self) -> Ints:
        """For each stage, the greatest divisor of the gains of the stages after it; 0 after the last."""
        gains = np.where(self._most > 0, np.abs(self._gain), 0).astype(np.int64)
        found: Ints = from_last(np.gcd, gains)[:, 1:]
        return found

    def go(self) -> None:
        """Search them."""
        n = len(self._which)
        start = _Rows(
            profile=np.arange(n),
            more=np.zeros((n, 0), dtype=np.int64),
            costs=self._profiles.costs[:, self._which],
            value=self._base.astype(np.float64),
            priced=self._start,
            logs=np.zeros(n),
            convs=np.zeros(n, dtype=np.int64),
        )
        self._descend(0, start)

    def _descend(self, j: int, rows: _Rows) -> None:
        """Choose the depth of stage j for some partial networks, and go on from the most promising."""
        last = j + 1 == len(self._order)
        at, more = self._pairs(j, rows)
        self._search.partial += len(at)
        profile = rows.profile[at]
        costs = self._tables.joined(rows.costs[:, at], self._tables.further(self._steps[:, profile, j], more))
        good, logs, convs = self._fitting(j, costs, rows, at, more)
        value = rows.value[at] + self._gain[profile, j] * more
        priced = rows.priced[at] + self._reduced[profile, j] * more
        bound = self._bound(j, profile, costs, value, priced)
        keep = np.flatnonzero(good & (bound >= self._search.floor()))
        keep = keep[np.argsort(-bound[keep], kind="stable")]
        for part in self._parts(j, profile, keep):
            if self._search.exhausted or self._search.beaten(float(bound[part[0]])):
                return
            chosen = _Rows(
                profile=profile[part],
                more=np.column_stack([rows.more[at[part]], more[part]]),
                costs=costs[:, part],
                value=value[part],
                priced=priced[part],
                logs=logs[part],
                convs=convs[part],
            )
            if last:
                chosen = replace(chosen, profile=self._which[chosen.profile])
                self._search.take(self._profiles, chosen, self._order)
            else:
                self._descend(j + 1, chosen)

    def _bound(self, j: int, profile: Ints, costs: Ints, value: Floats, priced: Floats) -> Floats:
        """No network that begins with one of these partial networks is better."""
        charged = priced + self._after[profile, j + 1]
        room = self._gain_after[profile, j + 1]
        for m, each in zip(self._upper, self._worth_after, strict=True):
            room = np.minimum(room, self._gained(self._tables.high[m] - costs[m], each[profile, j + 1]))
        bound: Floats = np.minimum(charged, value + room)
        if self._units is None:
            return bound
        return snapped(bound, value, self._units[profile, j])

    def _parts(self, j: int, profile: Ints, keep: Ints) -> list[Ints]:
        """The rows that are kept, in parts that go on together."""
        if not len(keep):
            return []
        if j + 1 == len(self._order):
            return [keep[low : low + _ROWS] for low in range(0, len(keep), _ROWS)]
        cells = np.cumsum(self._choices[profile[keep], j + 1])
        cuts = np.maximum(cells // _CELLS, np.arange(len(keep)) // _ROWS)
        return np.split(keep, np.flatnonzero(np.diff(cuts)) + 1)

    def _pairs(self, j: int, rows: _Rows) -> tuple[Ints, Ints]:
        """Partial networks (their rows), each with every depth of stage j that is worth a look."""
        tables, sums, more = self._tables, self._tables.sums, self._more[j]
        step = self._steps[:sums, rows.profile, j]
        high, low = tables.high[:sums, None], tables.low[:sums, None]
        room = np.where(high == CEILING, CEILING, high - rows.costs[:sums])
        upto = times(room, step).min(axis=0, initial=CEILING)
        to = np.minimum(np.searchsorted(more, upto, side="right"), self._choices[rows.profile, j])
        since, tries = np.zeros_like(to), self._search.tries
        if j + 1 == len(self._order):
            least = times_to_reach(low - rows.costs[:sums], step).max(axis=0, initial=0)
            since = np.searchsorted(more, least, side="left")
            if tries is not None and self._search.objective.most:
                since = np.maximum(since, to - tries)
            elif tries is not None:
                to = np.minimum(to, since + tries)
        count = np.maximum(to - since, 0)
        at = np.repeat(np.arange(len(to)), count)
        nth = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        return at, more[since[at] + nth]

    def _fitting(self, j: int, costs: Ints, rows: _Rows, at: Ints, more: Ints) -> tuple[Bools, Floats, Ints]:
        """Which partial networks keep to the upper limits, and the logarithms and convs of each."""
        sums, rho = self._tables.sums, self._profiles.score.rho
        good: Bools = np.all(costs[:sums] <= self._tables.high[:sums, None], axis=0)
        if rho is None:
            return good, rows.logs[at], rows.convs[at]
        profile = rows.profile[at]
        logs = rows.logs[at] + rho.step[profile, j] * more
        convs = rows.convs[at] + rho.step_convs[j] * more
        length = convs + rho.base_convs[j]
        total = logs + rho.base[profile, j]
        good &= np.log(length) - total / length <= rho.log_limit + 1e-12
        return good, logs, convs
