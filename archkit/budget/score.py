"""The objective of width profiles: with the widths fixed, linear in the blocks or a sum of logarithms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from archkit.budget.objective import Floats
from archkit.budget.stage_tables import Ints

__all__ = ["Curve", "Rho", "Score"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rho:
    """What DeepMAD's effectiveness limit needs of each width profile. Legend: N profiles, S stages.

    Attributes:
        base: sum of the logarithms of the convs that come with the fewest blocks, up to each stage, N x S.
        step: the same of one further block, N x S.
        base_convs: how many convs come with the fewest blocks, up to each stage, S.
        step_convs: how many come with one further block, S.
        log_limit: logarithm of the limit.
    """

    base: Floats
    step: Floats
    base_convs: Ints
    step_convs: Ints
    log_limit: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A sum of weighted logarithms of figures. Legend: F figures, N profiles, S stages.

    The figures are affine in the blocks, so that the sum is concave and each of its tangents lies above it.

    Attributes:
        figures: with the fewest blocks, F x N.
        steps: what a further block adds to them, F x N x S.
        weights: of the logarithms, F.
        rows: where those figures stand among all that are kept, F.
    """

    figures: Floats
    steps: Floats
    weights: Floats
    rows: tuple[int, ...]

    def tangent(self, at: Floats) -> tuple[Floats, Floats]:
        """The tangent where the figures are `at`, F x N: its base, N, and its gain for each block, N x S."""
        slope = self.weights[:, None] / at
        base = self.weights @ (np.log(at) - 1) + (slope * self.figures).sum(axis=0)
        return base, np.einsum("fn,fns->ns", slope, self.steps)

    def at(self, more: Floats) -> Floats:
        """The figures with so many further blocks, N x S; F x N."""
        found: Floats = self.figures + np.einsum("fns,ns->fn", self.steps, more)
        return found

    def only(self, profiles: Ints) -> Curve:
        """The same of some of the profiles."""
        return replace(self, figures=self.figures[:, profiles], steps=self.steps[:, profiles])

    def best_between(self, a: Floats, b: Floats) -> Floats:
        """The figures where the sum is greatest on the lines between two points, F x N each."""
        low, high = np.zeros(a.shape[1]), np.ones(a.shape[1])
        for _ in range(12):  # halves the stretch where its slope changes sign
            middle = (low + high) / 2
            rising = self.weights @ ((b - a) / (a + middle * (b - a))) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        found: Floats = a + (low + high) / 2 * (b - a)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The objective of width profiles, the more the better. Legend: N profiles, S stages.

    Attributes:
        base: with the fewest blocks, N.
        gain: what one further block adds, N x S.
        curve: what the objective is if it is not linear; base and gain are then 0.
        rho: the effectiveness limit, or None.
        tangents: linear constraints that every network within that limit keeps: what a further block
            uses, N x S, and how much there is, N, of each.
    """

    base: Floats
    gain: Floats
    curve: Curve | None = None
    rho: Rho | None = None
    tangents: list[tuple[Floats, Floats]] = field(default_factory=list)
