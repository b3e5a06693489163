"""Bounds on the best network of each width profile, from the dual of the linear relaxation.

With the widths fixed, the costs are affine in the blocks, and so is the objective, or a tangent above it. A
limit becomes `sum over stages of o_j m_j <= R` over the further blocks m_j, and for any multipliers of 0 or
more

    objective <= base + sum of lambda R + sum over j of u_j max(0, v_j - sum of lambda o_j)

where m_j <= u_j. Every choice of multipliers gives a bound that holds, and so does every tangent. Good
multipliers come from the corners of that function, where as many stages are neither empty nor full as limits
bind. Good tangents touch the objective near its greatest value under the relaxed limits, to which a few steps
lead from one corner to the next.
"""

from __future__ import annotations

from copy import copy
from itertools import combinations
from typing import Final

import numpy as np

from archkit.budget.objective import Floats
from archkit.budget.profiles import WidthProfiles
from archkit.budget.stage_tables import Bools, Ints

__all__ = ["SLACK", "Bounds", "snapped"]

SLACK: Final = 1e-2
"""More than the error of floats in a bound on whole figures, which stay far under 2**53 here."""

_TANGENTS: Final = 4  # steps towards a curve's greatest value


class Bounds:
    """Bounds on some width profiles. Legend: N profiles, S stages, K constraints.

    Attributes:
        upper: the bound: no network of the profile is better, N.
        base, gain: the line that gave it: with the fewest blocks, N, and one further block, N x S.
        multipliers: the multipliers that gave it, N x K.
        constraints: for each, what a further block uses, N x S, and how much there is, N: the limits, then
            the tangents of the limit on effectiveness.
        at: where the line touches the objective, F x N; 0 x N if that is no curve.
    """

    def __init__(self, profiles: WidthProfiles) -> None:
        """Bounds from one constraint at a time; `tightened` does better and takes longer."""
        limits = profiles.limits()
        self.constraints = [*limits, *profiles.score.tangents]
        self._limits = len(limits)
        self._most = profiles.most
        self._whole = profiles.skeleton.objective.whole
        self._curve = profiles.score.curve
        n, stages = profiles.widths.shape
        self._line, self._points = (profiles.score.base, profiles.score.gain), np.zeros((0, n))
        if self._curve is not None:
            # Each stage with an equal share of what it could have alone keeps to every upper limit.
            self._touch(self._curve.at(np.maximum(self._most, 0) / stages))
        (self.base, self.gain), self.at = self._line, self._points
        self._corners: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self._start_line()
        self._singly()
        self.upper, self.multipliers = self._value, self._lambdas
        self._finish()

    def tightened(self, floor: float) -> tuple[Ints, Bounds]:
        """The profiles whose better bounds still reach `floor`, and those bounds.

        They come from two and three constraints at once, and for a curve from better tangents too.
        """
        rows, found = np.arange(len(self.upper)), self
        for step in range(1 if self._curve is None else 1 + _TANGENTS):
            found._tighten(step)
            kept = np.flatnonzero(found.upper >= floor)
            rows, found = rows[kept], found._only(kept)
        return rows, found

    def _tighten(self, step: int) -> None:
        if step and self._curve is not None:
            self._touch(self._curve.best_between(self._points, self._curve.at(self._primal())))
        self._start_line()
        self._singly()
        self._together()
        base, gain = self._line
        better: Bools = self._value < self.upper
        self.upper = np.where(better, self._value, self.upper)
        self.base, self.gain = np.where(better, base, self.base), np.where(better[:, None], gain, self.gain)
        self.multipliers = np.where(better[:, None], self._lambdas, self.multipliers)
        self.at = np.where(better, self._points, self.at)
        self._finish()

    def _touch(self, points: Floats) -> None:
        """Draw the tangent at these points, F x N, if the objective is a curve."""
        if self._curve is not None:
            self._points, self._line = points, self._curve.tangent(points)

    def _only(self, rows: Ints) -> Bounds:
        """The bounds on some of the profiles."""
        found = copy(self)
        found.constraints = [(each[rows], room[rows]) for each, room in self.constraints]
        found.base, found.gain, found.upper = self.base[rows], self.gain[rows], self.upper[rows]
        found.multipliers, found.at, found._most = self.multipliers[rows], self.at[:, rows], self._most[rows]
        found._points, found._line = self._points[:, rows], (self._line[0][rows], self._line[1][rows])
        found._lambdas, found._corner = self._lambdas[rows], self._corner[rows]
        found._curve = None if self._curve is None else self._curve.only(rows)
        return found

    def start(self) -> Floats:
        """The bound of each profile before any of its depths is chosen, from its multipliers; N."""
        found = self.base
        for k, (_, room) in enumerate(self.constraints):
            found = found + self.multipliers[:, k] * room
        return found

    def reduced(self) -> Floats:
        """What a further block of each stage adds to that, N x S."""
        found = self.gain
        for k, (each, _) in enumerate(self.constraints):
            found = found - self.multipliers[:, k, None] * each
        return found

    def _start_line(self) -> None:
        base, gain = self._line
        self._value = base + (self._most * np.maximum(gain, 0)).sum(axis=1)
        self._lambdas = np.zeros((len(base), len(self.constraints)))
        self._corner = np.full(len(base), -1)

    def _singly(self) -> None:
        _, gain = self._line
        for k, (each, _) in enumerate(self.constraints):
            for j in range(gain.shape[1]):
                with np.errstate(divide="ignore", invalid="ignore"):
                    self._attempt((k,), (j,), [gain[:, j] / each[:, j]])

    def _together(self) -> None:
        """Two limits at once, the first limit with a tangent, and two limits with a third or a tangent."""
        _, gain = self._line
        every, stages = range(len(self.constraints)), range(gain.shape[1])
        for k, m in combinations(every, 2):
            if m >= self._limits and k > 0:
                continue
            for two in combinations(stages, 2):
                a, b = (self.constraints[r][0][:, two].T for r in (k, m))
                self._attempt((k, m), two, _two(a, b, gain[:, two].T))
        for k, m in combinations(range(self._limits), 2):
            for q in every[m + 1 :]:
                if q >= self._limits and (k, m) != (0, 1):
                    continue
                for chosen in combinations(stages, 3):
                    a, b, c = (self.constraints[r][0][:, chosen].T for r in (k, m, q))
                    self._attempt((k, m, q), chosen, _three(a, b, c, gain[:, chosen].T))

    def _attempt(self, which: tuple[int, ...], stages: tuple[int, ...], found: list[Floats]) -> None:
        value, left = self._line
        for k, multiplier in zip(which, found, strict=True):
            # 0 always gives a bound that holds.
            multiplier[~(np.isfinite(multiplier) & (multiplier > 0))] = 0
            each, room = self.constraints[k]
            left = left - multiplier[:, None] * each
            value = value + multiplier * room
        value = value + (self._most * np.maximum(left, 0)).sum(axis=1)
        better: Bools = value < self._value
        self._value = np.where(better, value, self._value)
        self._lambdas[better] = 0
        for k, multiplier in zip(which, found, strict=True):
            self._lambdas[better, k] = multiplier[better]
        self._corner[better] = len(self._corners)
        self._corners.append((which, stages))

    def _primal(self) -> Floats:
        """The further blocks, not whole, at the corner that gave the bound of the present line; N x S."""
        _, gain = self._line
        left = gain - sum(self._lambdas[:, k, None] * each for k, (each, _) in enumerate(self.constraints))
        most = np.maximum(self._most, 0).astype(np.float64)
        found = np.where(left > 0, most, 0.0)
        for corner in np.unique(self._corner[self._corner >= 0]).tolist():
            which, stages = self._corners[corner]
            rows = np.flatnonzero(self._corner == corner)
            rows = rows[(self._lambdas[np.ix_(rows, which)] > 0).all(axis=1)]
            found[np.ix_(rows, stages)] = 0
            uses = [self.constraints[k][0][rows] for k in which]
            rooms = [
                self.constraints[k][1][rows] - (each * found[rows]).sum(axis=1)
                for k, each in zip(which, uses, strict=True)
            ]
            solved = _solved([each[:, stages] for each in uses], rooms)
            found[np.ix_(rows, stages)] = np.clip(np.nan_to_num(solved), 0, most[np.ix_(rows, stages)])
        # A tie between corners may give blocks that break a limit: as many of them as keep to it will do.
        for each, room in self.constraints[: self._limits]:
            used = (each * found).sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                found *= np.where(used > np.maximum(room, 0), np.maximum(room, 0) / used, 1.0)[:, None]
        return found

    def _finish(self) -> None:
        self.upper[(self._most < 0).any(axis=1)] = -np.inf
        if self._whole and len(self.upper):
            # Further blocks change a whole figure by multiples of what divides all their costs.
            gains = np.where(self._most > 0, np.abs(self.gain), 0).astype(np.int64)
            self.upper = snapped(self.upper, self.base, np.gcd.reduce(gains, axis=1))


def _solved(uses: list[Floats], rooms: list[Floats]) -> Floats:
    """How many blocks of each of some stages use up as many rooms, N x that many, by Cramer's rule."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if len(uses) == 1:
            return rooms[0][:, None] / uses[0]
        a, b, *more = [np.stack([each[:, j] for each in uses]) for j in range(len(uses))]
        right = np.stack(rooms)
        return np.stack(_three(a, b, more[0], right) if more else _two(a, b, right), axis=1)


def _two(a: Floats, b: Floats, g: Floats) -> list[Floats]:
    """The x and y with `x a + y b = g`, for 2 x N each, by Cramer's rule."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        det = a[0] * b[1] - a[1] * b[0]
        return [(g[0] * b[1] - g[1] * b[0]) / det, (a[0] * g[1] - a[1] * g[0]) / det]


def _three(a: Floats, b: Floats, c: Floats, g: Floats) -> list[Floats]:
    """The x, y and z with `x a + y b + z c = g`, for 3 x N each, by Cramer's rule."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        det = _det(a, b, c)
        return [_det(g, b, c) / det, _det(a, g, c) / det, _det(a, b, g) / det]


def _det(a: Floats, b: Floats, c: Floats) -> Floats:
    found: Floats = (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    return found


def snapped(bound: Floats, base: Floats, unit: Ints) -> Floats:
    """Bounds on whole figures, lowered to the next one that is `base` plus a multiple of `unit`."""
    each = np.maximum(unit, 1)
    finite = np.isfinite(bound)
    above = np.where(finite, bound, base) - base
    found: Floats = np.where(finite, base + np.floor((above + SLACK) / each) * each, bound)
    return np.where(unit > 0, np.minimum(bound, found), np.minimum(bound, base))
