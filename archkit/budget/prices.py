"""Bounds on all width profiles that begin alike, from prices on what the limits leave.

At fixed prices on the limited figures, and with a tangent for a curve, what a network is worth is a sum over
its stages of what two neighbouring widths say. The best way to go on from a width is then found from the last
stage back, once for all beginnings. Any prices give a bound that holds. Good ones are those that bound the
best width profiles of a coarser space.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Final

import numpy as np

from archkit.budget.bounds import Bounds
from archkit.budget.deepmad import LENGTHS
from archkit.budget.objective import EXPONENTS, EntropyTables, Floats
from archkit.budget.rooms import times
from archkit.budget.scored import Scored
from archkit.budget.stage_tables import CEILING, Bools, Ints
from archkit.count.metrics import CAPACITY, PEAK

__all__ = ["Chain", "Prices", "chosen_prices", "no_prices"]

_TRIED: Final = 256  # prices of a coarser space that are compared
_MOST: Final = 16  # of them that are used


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """Some ways to price what a network uses. Legend: T ways, K constraints, F figures of a curve.

    Attributes:
        multipliers: the price of each constraint, T x K: limits on sums, then tangents at `LENGTHS`.
        at: where the tangent of the objective touches it, T x F; empty if it is no curve.
        upper: the bound on the width profile that they come from, T.
    """

    multipliers: Floats
    at: Floats
    upper: Floats

    def __len__(self) -> int:
        """How many."""
        return len(self.multipliers)

    def only(self, rows: Ints) -> Prices:
        """Some of them."""
        return Prices(multipliers=self.multipliers[rows], at=self.at[rows], upper=self.upper[rows])

    @classmethod
    def of(cls, bounds: Bounds, shared: int) -> Prices:
        """Those that bound some width profiles; the first so many constraints are alike for all profiles."""
        found = np.flatnonzero(np.isfinite(bounds.upper))
        upper, at = bounds.upper[found], bounds.at.T[found]
        return cls(multipliers=bounds.multipliers[found, :shared], at=at, upper=upper)

    def joined(self, other: Prices) -> Prices:
        """These and others, the best bounds first, and no more than are worth a comparison."""
        upper = np.concatenate([self.upper, other.upper])
        order = np.argsort(-upper, kind="stable")[:_TRIED]
        return Prices(
            multipliers=np.concatenate([self.multipliers, other.multipliers])[order],
            at=np.concatenate([self.at, other.at])[order],
            upper=upper[order],
        )


class Chain:
    """A skeleton at some prices. Legend: T prices, P widths of the stage before, C widths of the stage.

    Attributes:
        worth: for each stage, what a width adds after one of the stage before, T x P x C; -inf if forbidden.
        after: for each stage, the most that all stages after it and the head add at each width, T x C.
        start: what the limits are worth at these prices, T.
        last: the widths that the last stage may have, C.
        ways: for each stage, how many width profiles go on from each of its widths to those, C.
    """

    def __init__(self, skeleton: Scored, prices: Prices, last: Bools | None = None) -> None:
        """`last` says which widths the last stage may have, C; all if it is not given."""
        self._skeleton, self._prices = skeleton, prices
        self.last = np.ones(len(skeleton.tables.stages[-1].channels), dtype=bool) if last is None else last
        base, step, head, rooms = _rows(skeleton, self.last)
        objective = skeleton.objective
        weights = np.ones((len(prices), 1))
        self.start = prices.multipliers @ rooms
        if objective.name == PEAK:
            weights, self.start = weights[:, :0], self.start + _peak(skeleton)
        elif objective.name == CAPACITY:
            exponents = np.array([*EXPONENTS.values()])
            weights = exponents / prices.at
            self.start = self.start + (np.log(prices.at) - 1) @ exponents
        weights = np.hstack([-prices.multipliers, weights])
        self.worth: list[Floats] = []
        for j, stage in enumerate(skeleton.stages):
            further = np.maximum(np.tensordot(weights, step[j], 1), 0) * _most(skeleton, j)
            worth = np.tensordot(weights, base[j], 1) + further[:, None, :]
            worth[:, ~stage.allowed] = -np.inf
            self.worth.append(worth)
        self._head = np.tensordot(weights, head, 1)
        self._go_back()

    def ending(self, last: Bools) -> Chain:
        """The same with these widths alone in the last stage."""
        if self._skeleton.entropy is not None:
            return Chain(self._skeleton, self._prices, last)  # what a stage adds hangs on them
        found = copy(self)
        found.last = last
        found._go_back()
        return found

    def _go_back(self) -> None:
        """Work out what depends on the widths of the last stage."""
        self.ways = self._skeleton.ways(self.last)
        self.after = [np.where(self.last, self._head, -np.inf)]
        for worth in reversed(self.worth[1:]):
            self.after.insert(0, (worth + self.after[0][:, None, :]).max(axis=2))

    def whole(self) -> Floats:
        """The bound on every network, T."""
        found: Floats = self.start + (self.worth[0][:, 0] + self.after[0]).max(axis=1)
        return found

    def through(self) -> Floats:
        """For each stage and width in turn, the bound on the networks that have it; T x all of them."""
        before, found = self.start[:, None], []
        for worth, after in zip(self.worth, self.after, strict=True):
            before = (before[:, :, None] + worth).max(axis=1)
            found.append(before + after)
        return np.concatenate(found, axis=1)


def chosen_prices(skeleton: Scored, tried: Prices) -> Prices:
    """Of some prices those that bound a skeleton best, between them: for most widths the least bound."""
    if not len(tried):
        return tried
    through = Chain(skeleton, tried).through()
    open_ = np.isfinite(through).all(axis=0)
    if not open_.any():
        return tried.only(np.arange(1))
    least = through[:, open_]
    found: list[int] = []
    best = np.full(least.shape[1], np.inf)
    while len(found) < min(_MOST, len(tried)):
        # The one that lowers the bounds most, where they are highest.
        gained = np.minimum(least, best).clip(max=1e300)
        score = np.sort(gained, axis=1)[:, -max(1, gained.shape[1] // 2) :].sum(axis=1)
        row = int(np.argmin(score))
        if row in found:
            break
        found.append(row)
        best = np.minimum(best, least[row])
    return tried.only(np.array(found))


def no_prices(skeleton: Scored) -> Prices:
    """Nothing is charged; a curve has its tangent at the largest network."""
    tables, at = skeleton.tables, np.zeros((1, 0))
    if skeleton.objective.name == CAPACITY:
        rows = [tables.figures.index(name) for name in EXPONENTS]
        most = [_most(skeleton, j) for j in range(len(skeleton.stages))]
        stages = zip(skeleton.stages, most, strict=True)
        figures = sum(
            (
                stage.base[rows].max(axis=(1, 2)) + (stage.step[rows] * more).max(axis=1)
                for stage, more in stages
            ),
            start=tables.head[rows].max(axis=1),
        )
        at = np.clip(figures, 1, np.maximum(tables.high[rows], 1))[None, :].astype(np.float64)
    limits = int((tables.high[: tables.sums] < CEILING).sum() + (tables.low[: tables.sums] > 0).sum())
    tangents = len(LENGTHS) if skeleton.entropy is not None and skeleton.objective.max_rho is not None else 0
    return Prices(multipliers=np.zeros((1, limits + tangents)), at=at, upper=np.zeros(1))


def _peak(skeleton: Scored) -> float:
    """No network's peak is better than this: the greatest, or less the least, of any block."""
    parts = [stage.base[-1] for stage in skeleton.stages]
    if not skeleton.objective.most:
        return -float(max(part.min(initial=CEILING) for part in parts))
    steps = [stage.step[-1] for stage in skeleton.stages]
    return float(max(part.max(initial=0) for part in (*parts, *steps, skeleton.tables.head[-1])))


def _most(skeleton: Scored, j: int) -> Floats:
    """The most further blocks of stage j at each width that the upper limits leave, C."""
    tables, stage = skeleton.tables, skeleton.stages[j]
    sums = tables.sums
    base = np.where(stage.allowed, stage.base[:sums], CEILING).min(axis=1, initial=CEILING)
    room = tables.high[:sums, None] - base
    most = np.minimum(stage.most, times(room, stage.step[:sums]).min(axis=0, initial=CEILING))
    found: Floats = np.maximum(most, 0).astype(np.float64)
    return found


def _rows(skeleton: Scored, last: Bools) -> tuple[list[Floats], list[Floats], Floats, Floats]:
    """What is priced: first blocks R x P x C, further blocks R x C, the head R x C, and the rooms K.

    The constraints come first, in the order of `Bounds`, then what the objective is made of.
    """
    tables, stages = skeleton.tables, skeleton.stages
    low, high, sums = tables.low, tables.high, range(tables.sums)
    signed = [(m, 1.0, high[m]) for m in sums if high[m] < CEILING]
    signed += [(m, -1.0, -low[m]) for m in sums if low[m]]
    figures = [(m, sign) for m, sign, _ in signed]
    rooms = [float(room) for _, _, room in signed]
    name, sign = skeleton.objective.name, 1.0 if skeleton.objective.most else -1.0
    read = [(tables.figures.index(each), 1.0) for each in EXPONENTS] if name == CAPACITY else []
    if name in tables.figures and name != PEAK:
        read = [(tables.figures.index(name), sign)]
    every = [*figures, *([] if skeleton.entropy else read)]
    rows, signs = [m for m, _ in every], np.array([s for _, s in every])
    base = [stage.base[rows] * signs[:, None, None] for stage in stages]
    step = [stage.step[rows] * signs[:, None] for stage in stages]
    head = tables.head[rows] * signs[:, None]
    if skeleton.entropy is not None:
        more_base, more_step = _entropy_rows(skeleton, skeleton.entropy, last)
        base = [np.concatenate(pair) for pair in zip(base, more_base, strict=True)]
        step = [np.concatenate(pair) for pair in zip(step, more_step, strict=True)]
        head = np.concatenate([head, np.zeros((len(more_step[0]), head.shape[1]))])
        if skeleton.objective.max_rho is not None:
            rooms += LENGTHS
    return base, step, head, np.array(rooms)


def _entropy_rows(skeleton: Scored, parts: EntropyTables, last: Bools) -> tuple[list[Floats], list[Floats]]:
    """The tangents of the limit on effectiveness, and then the score itself, from above.

    In the score, a stage's convs weigh what the stages from it on weigh together. At the most that follows
    from its own width alone, that is a sum over stages again.
    """
    stages = skeleton.stages
    heaviest = [np.where(last, parts.weight[-1], -np.inf)]
    for stage, weight in zip(reversed(stages[1:]), reversed(parts.weight[:-1]), strict=True):
        heaviest.insert(
            0, weight + np.where(stage.allowed, heaviest[0], -np.inf).max(axis=1, initial=-np.inf)
        )
    weights = [np.where(np.isfinite(each), each, 0.0) for each in heaviest]
    max_rho = skeleton.objective.max_rho
    each = [] if max_rho is None else [1 + np.log(length) - np.log(max_rho) for length in LENGTHS]
    base, step = [], []
    for j, (few, weight) in enumerate(zip(skeleton.tables.fewest, weights, strict=True)):
        first = parts.first[j] + few * parts.other[j]
        convs, stem = parts.first_convs[j] + parts.convs[j] * few, 0.0
        if j == 0:
            convs, stem = convs + parts.stem_convs, parts.stem
        used = [convs * k - 2 * (first + stem) for k in each]
        base.append(np.stack([*used, weight * (first + stem)]))
        step.append(
            np.stack([*(parts.convs[j] * k - 2 * parts.other[j] for k in each), weight * parts.other[j]])
        )
    return base, step
