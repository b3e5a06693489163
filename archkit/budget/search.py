"""The search through the depths of one width profile after another: branch and bound, in arrays."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.bounds import SLACK, snapped
from archkit.budget.objective import Floats, Objective
from archkit.budget.profiles import WidthProfiles
from archkit.budget.stage_tables import CEILING, Bools, Ints, SkeletonTables
from archkit.count.metrics import PEAK

__all__ = ["Search"]

_ROWS: Final = 4_096  # partial networks that go on together, the most promising first
_CELLS: Final = 1_000_000  # partial networks that these may become at once
_SLACK: Final = 1e-9  # relative; rounding lowers a bound in floats by less


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """Partial networks of one width profile: the depths of its first j stages. Legend: N rows, M figures.

    Attributes:
        more: further blocks of each stage so far, N x j.
        costs: the costs if every stage to come has its fewest blocks, M x N.
        value: the objective in the same case, N.
        priced: the objective less what the multipliers charge, N.
        logs: sum of the logarithms of the convs' widths in the further blocks, N.
        convs: how many convs those are, N.
    """

    more: Ints
    costs: Ints
    value: Floats
    priced: Floats
    logs: Floats
    convs: Ints


class Search:
    """A search through one width profile after another, which keeps the best networks."""

    def __init__(self, objective: Objective, n: int, effort: int) -> None:
        self.heap: list[tuple[float, int, SkeletonTables, tuple[int, ...], tuple[int, ...]]] = []
        self.partial = 0
        self._n = n
        self._effort = effort
        self._serial = 0
        self._objective = objective

    @property
    def exhausted(self) -> bool:
        """Whether the effort is spent."""
        return self.partial > self._effort

    def beaten(self, bound: float) -> bool:
        """Whether no network under this bound can be among the best."""
        if len(self.heap) < self._n:
            return False
        worst = self.heap[0][0]
        if self._objective.whole:
            # Figures are whole: a bound that does not reach the next whole number is beaten.
            return bound + SLACK < worst + 1
        return bound + abs(bound) * _SLACK < worst

    def go_through(self, profiles: WidthProfiles, i: int) -> None:
        """Search the depths of one profile."""
        profile = _Profile(self, profiles, i)
        profile.descend(0, profile.start())

    def take(self, profiles: WidthProfiles, i: int, rows: _Rows) -> None:
        """Keep the best of some whole networks."""
        tables = profiles.tables
        value = rows.value
        if self._objective.name == PEAK:
            value = rows.costs[-1] * (1.0 if self._objective.most else -1.0)
        fits = (rows.costs >= tables.low[:, None]) & (rows.costs <= tables.high[:, None])
        good = np.flatnonzero(fits.all(axis=0))
        channels = tuple(
            t.channels[c] for t, c in zip(tables.stages, profiles.widths[i].tolist(), strict=True)
        )
        for at in good[np.argsort(-value[good], kind="stable")][: self._n].tolist():
            entry = float(value[at])
            if len(self.heap) >= self._n and entry <= self.heap[0][0]:
                return
            blocks = tuple(
                t.blocks[0] + m for t, m in zip(tables.stages, rows.more[at].tolist(), strict=True)
            )
            self._serial -= 1
            item = (entry, self._serial, tables, blocks, channels)
            if len(self.heap) < self._n:
                heapq.heappush(self.heap, item)
            else:
                heapq.heapreplace(self.heap, item)

    @property
    def tries(self) -> int | None:
        """How many depths of the last stage are worth a look for each beginning; None for all.

        A figure grows with the depth, so that the best depths stand at one end of those that fit. One more
        is looked at because the peak may be limited from below: one block may miss that and two reach it.
        """
        return self._n + 1 if self._objective.whole and self._objective.name != PEAK else None


class _Profile:
    """One width profile: what stays the same while its depths are searched."""

    def __init__(self, search: Search, profiles: WidthProfiles, i: int) -> None:
        self._search, self._profiles, self._i = search, profiles, i
        self._tables = profiles.tables
        self._reduced = profiles.bounds.reduced(i)
        # The most that the stages after each one can add beyond what the multipliers charge.
        self._after = np.append(np.cumsum((profiles.most[i] * np.maximum(self._reduced, 0))[::-1])[::-1], 0.0)
        self._units = self._units_after() if search.tries is not None else None
        self._choices = []
        for table, most in zip(profiles.tables.stages, profiles.most[i].tolist(), strict=True):
            more = np.array(table.blocks, dtype=np.int64) - table.blocks[0]
            self._choices.append(more[more <= most])

    def _units_after(self) -> Ints:
        """For each stage, the greatest divisor of the gains of the stages after it; 0 after the last."""
        gains = np.where(self._profiles.most[self._i] > 0, np.abs(self._profiles.gain[self._i]), 0).astype(
            np.int64
        )
        return np.append(np.gcd.accumulate(gains[::-1])[::-1][1:], 0)

    def start(self) -> _Rows:
        """The one partial network whose depths are all still open."""
        profiles, i = self._profiles, self._i
        return _Rows(
            more=np.zeros((1, 0), dtype=np.int64),
            costs=profiles.costs[:, i][:, None],
            value=np.array([profiles.base[i]], dtype=np.float64),
            priced=np.array([profiles.bounds.start(i)]),
            logs=np.zeros(1),
            convs=np.zeros(1, dtype=np.int64),
        )

    def descend(self, j: int, rows: _Rows) -> None:
        """Choose the depth of stage j for some partial networks, and go on from the most promising."""
        last = j + 1 == len(self._tables.stages)
        at, more = self._pairs(j, rows)
        self._search.partial += len(at)
        further = self._tables.further(self._profiles.steps[:, self._i, j, None], more)
        costs = self._tables.joined(rows.costs[:, at], further)
        good, logs, convs = self._fitting(j, costs, rows, at, more)
        value = rows.value[at] + self._profiles.gain[self._i, j] * more
        priced = rows.priced[at] + self._reduced[j] * more
        bound = priced + self._after[j + 1]
        if self._units is not None:
            bound = snapped(bound, value, self._units[j])
        keep = np.flatnonzero(good)
        keep = keep[np.argsort(-bound[keep], kind="stable")]
        many = _ROWS if last else max(1, min(_ROWS, _CELLS // max(1, len(self._choices[j + 1]))))
        for low in range(0, len(keep), many):
            part = keep[low : low + many]
            if self._search.exhausted or self._search.beaten(float(bound[part[0]])):
                return
            chosen = _Rows(
                more=np.column_stack([rows.more[at[part]], more[part]]),
                costs=costs[:, part],
                value=value[part],
                priced=priced[part],
                logs=logs[part],
                convs=convs[part],
            )
            if last:
                self._search.take(self._profiles, self._i, chosen)
            else:
                self.descend(j + 1, chosen)

    def _pairs(self, j: int, rows: _Rows) -> tuple[Ints, Ints]:
        """Partial networks (their rows), each with every depth of stage j that is worth a look."""
        more, n = self._choices[j], len(rows.value)
        tries = self._search.tries
        if tries is None or j + 1 < len(self._choices) or tries >= len(more):
            return np.repeat(np.arange(n), len(more)), np.tile(more, n)
        sums, step = self._tables.sums, self._profiles.steps[: self._tables.sums, self._i, j, None]
        room = np.where(
            self._tables.high[:sums, None] == CEILING,
            CEILING,
            self._tables.high[:sums, None] - rows.costs[:sums],
        )
        most = (room // step).min(axis=0, initial=CEILING)
        least = (-((rows.costs[:sums] - self._tables.low[:sums, None]) // step)).max(axis=0, initial=0)
        low, high = np.searchsorted(more, least, side="left"), np.searchsorted(more, most, side="right")
        count = np.clip(high - low, 0, tries)
        at = np.repeat(np.arange(n), count)
        nth = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        from_top = self._profiles.gain[self._i, j] > 0
        return at, more[high[at] - 1 - nth if from_top else low[at] + nth]

    def _fitting(self, j: int, costs: Ints, rows: _Rows, at: Ints, more: Ints) -> tuple[Bools, Floats, Ints]:
        """Which partial networks keep to the upper limits, and the logarithms and convs of each."""
        sums, profiles = self._tables.sums, self._profiles
        good: Bools = np.all(costs[:sums] <= self._tables.high[:sums, None], axis=0)
        if profiles.rho is None:
            return good, rows.logs[at], rows.convs[at]
        logs = rows.logs[at] + profiles.rho.step[self._i, j] * more
        convs = rows.convs[at] + profiles.rho.step_convs[j] * more
        length = convs + profiles.rho.base_convs[j]
        total = logs + profiles.rho.base[self._i, j]
        good &= np.log(length) - total / length <= profiles.rho.log_limit + 1e-12
        return good, logs, convs
