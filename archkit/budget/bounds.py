"""Bounds on the best network of each width profile, from the dual of the linear relaxation.

With the widths fixed, the costs and the objective are linear in the blocks. A limit becomes
`sum over stages of o_j m_j <= R` over the further blocks m_j, and for any multipliers of 0 or more

    objective <= base + sum of lambda R + sum over j of u_j max(0, v_j - sum of lambda o_j)

where m_j <= u_j. Every choice of multipliers gives a bound that holds; good ones come from the corners of
that function.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from archkit.budget.objective import Floats
from archkit.budget.stage_tables import Bools, Ints

__all__ = ["SLACK", "Bounds", "snapped"]

SLACK: Final = 1e-2
"""More than the error of floats in a bound on whole figures, which stay far under 2**53 here."""


class Bounds:
    """Bounds on every width profile. Legend: N profiles, S stages, K constraints.

    Attributes:
        upper: the bound: no network of the profile is better, N.
        multipliers: the multipliers that gave it, N x K.
    """

    def __init__(
        self,
        base: Floats,
        gain: Floats,
        most: Ints,
        constraints: list[tuple[Floats, Floats]],
        *,
        whole: bool,
    ) -> None:
        """Bounds from one constraint at a time; `tighten` does better and takes longer.

        Args:
            base: the objective with the fewest blocks, N.
            gain: what one further block adds to it, N x S.
            most: the most further blocks, N x S; -1 where there is no network.
            constraints: for each, o, N x S, and R, N.
            whole: whether the objective is a whole number.
        """
        self._base, self._gain, self._most = base, gain, most
        self._constraints, self._whole = constraints, whole
        self.upper = base + (most * np.maximum(gain, 0)).sum(axis=1)
        self.multipliers = np.zeros((len(gain), len(constraints)))
        every = np.arange(len(gain))
        for k, (o, _) in enumerate(constraints):
            for j in range(gain.shape[1]):
                with np.errstate(divide="ignore", invalid="ignore"):
                    corner = gain[:, j] / o[:, j]
                self._attempt(every, {k: _multiplier(corner)})
        self.upper[(most < 0).any(axis=1)] = -np.inf
        self._snap(every)

    def tighten(self, rows: Ints) -> None:
        """Lower the bounds of some profiles, with the first constraint and each of the others together.

        The first limit is the one that binds most often besides the effectiveness.
        """
        rows = rows[np.isfinite(self.upper[rows])]
        gain = self._gain[rows]
        for m in range(1, len(self._constraints)):
            a, b = self._constraints[0][0][rows], self._constraints[m][0][rows]
            for i, j in combinations(range(gain.shape[1]), 2):
                with np.errstate(divide="ignore", invalid="ignore"):
                    det = a[:, i] * b[:, j] - a[:, j] * b[:, i]
                    x = (gain[:, i] * b[:, j] - gain[:, j] * b[:, i]) / det
                    y = (a[:, i] * gain[:, j] - a[:, j] * gain[:, i]) / det
                self._attempt(rows, {0: _multiplier(x), m: _multiplier(y)})
        self._snap(rows)

    def start(self, i: int) -> float:
        """The bound of a profile before any of its depths is chosen, from its multipliers."""
        priced = sum(self.multipliers[i, k] * r[i] for k, (_, r) in enumerate(self._constraints))
        return float(self._base[i] + priced)

    def reduced(self, i: int) -> Floats:
        """What a further block of each stage of a profile adds to that, S."""
        found: Floats = self._gain[i].astype(np.float64)
        for k, (o, _) in enumerate(self._constraints):
            found = found - self.multipliers[i, k] * o[i]
        return found

    def _attempt(self, rows: Ints, found: dict[int, Floats]) -> None:
        left, value = self._gain[rows], self._base[rows]
        for k, multiplier in found.items():
            o, r = self._constraints[k]
            left = left - multiplier[:, None] * o[rows]
            value = value + multiplier * r[rows]
        value = value + (self._most[rows] * np.maximum(left, 0)).sum(axis=1)
        better: Bools = value < self.upper[rows]
        at = rows[better]
        self.upper[at] = value[better]
        self.multipliers[at] = 0
        for k, multiplier in found.items():
            self.multipliers[at, k] = multiplier[better]

    def _snap(self, rows: Ints) -> None:
        """Further blocks change a whole figure by multiples of what divides all their costs."""
        if self._whole and len(rows):
            gains = np.where(self._most[rows] > 0, np.abs(self._gain[rows]), 0).astype(np.int64)
            unit = np.gcd.reduce(gains, axis=1)
            self.upper[rows] = snapped(self.upper[rows], self._base[rows], unit)


def snapped(bound: Floats, base: Floats, unit: Ints) -> Floats:
    """Bounds on whole figures, lowered to the next one that is `base` plus a multiple of `unit`."""
    each = np.maximum(unit, 1)
    finite = np.isfinite(bound)
    above = np.where(finite, bound, base) - base
    found: Floats = np.where(finite, base + np.floor((above + SLACK) / each) * each, bound)
    return np.where(unit > 0, np.minimum(bound, found), np.minimum(bound, base))


def _multiplier(x: Floats) -> Floats:
    """The multiplier, or 0 if it is negative or not a number: 0 always gives a bound that holds."""
    return np.where(np.isfinite(x) & (x > 0), x, 0.0)
