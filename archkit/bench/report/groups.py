"""Runs that differ in nothing but their seed, as one `Group`: mean, spread and interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archkit.bench.recipe import Recipe
from archkit.bench.report.folders import Run
from archkit.bench.results import DataRecord, Score

__all__ = ["Group", "Section", "Summary", "group_runs", "student_t", "summary"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Accuracies of several seeds, as shares from 0 to 1.

    Attributes:
        n: runs.
        mean: of their accuracies.
        sd: their standard deviation (n - 1 below); None for one run.
        interval: 95% interval of the mean by Student's t; None for one run. It says what other seeds let
            expect, on the same test images.
    """

    n: int
    mean: float
    sd: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The runs of a network, a recipe and a data set, by seed.

    Attributes:
        spec: the network, canonical text.
        recipe: how they were trained.
        runs: at least one, in the order of their seeds.
        test: of their test accuracies.
        flip: of those with flips at test time; None unless every run has one.
        validation: of the accuracies on images set apart, of the epochs that were kept; None without such
            images. By these, recipes are chosen.
    """

    spec: str
    recipe: Recipe
    runs: tuple[Run, ...]
    test: Summary
    flip: Summary | None
    validation: Summary | None

    @property
    def params(self) -> int:
        """Parameters of the network."""
        return self.runs[0].result.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its convs and linear layers for one image."""
        return self.runs[0].result.macs

    @property
    def correct(self) -> tuple[int, ...]:
        """Correct test images of each run."""
        return tuple(run.result.test.correct for run in self.runs)

    @property
    def total(self) -> int:
        """Test images."""
        return self.runs[0].result.test.total


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """The groups of one data set: only these may be compared.

    Attributes:
        data: of the first run; the sizes of its training and validation parts are the recipe's.
        groups: in the order in which their first runs came.
    """

    data: DataRecord
    groups: tuple[Group, ...]


_What: TypeAlias = tuple[str, str, str]


def group_runs(runs: Iterable[Run]) -> tuple[Section, ...]:
    """Runs by data set, network and recipe; a run that comes twice counts once."""
    by_data: dict[str, dict[_What, dict[int, Run]]] = {}
    for run in runs:
        result = run.result
        fields = result.recipe.to_mapping()
        del fields["name"]  # decides nothing
        what = (result.data.checksum, result.spec, repr(fields))
        by_data.setdefault(result.data.checksum, {}).setdefault(what, {}).setdefault(result.seed, run)
    return tuple(
        Section(
            data=next(iter(next(iter(groups.values())).values())).result.data,
            groups=tuple(_group(by_seed) for by_seed in groups.values()),
        )
        for groups in by_data.values()
    )


def summary(scores: Sequence[Score]) -> Summary:
    """Mean, standard deviation and 95% interval of the accuracies; at least one score."""
    shares = [score.accuracy for score in scores]
    n, mean = len(shares), statistics.fmean(shares)
    if n == 1:
        return Summary(n=1, mean=mean, sd=None, interval=None)
    sd = statistics.stdev(shares)
    half = student_t(n - 1) * sd / math.sqrt(n)
    return Summary(n=n, mean=mean, sd=sd, interval=(mean - half, mean + half))


def student_t(df: int, level: float = 0.95) -> float:
    """The t that a variable of Student's distribution stays within with probability `level`.

    >>> round(student_t(2), 3)
    4.303

    By bisection of the distribution's closed form for whole degrees of freedom (Abramowitz and Stegun,
    26.7.3 and 26.7.4).

    Args:
        df: degrees of freedom, at least 1.
        level: above 0, below 1.
    """
    low, high = 0.0, 1.0
    while _within(high, df) < level:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, df) < level else (low, middle)
    return (low + high) / 2


def _within(t: float, df: int) -> float:
    """The probability of a value between -t and t."""
    theta = math.atan(t / math.sqrt(df))
    cos2 = math.cos(theta) ** 2
    odd = df % 2
    term = math.cos(theta) if odd else 1.0
    total = 0.0
    # The terms have the powers 0, 2, ..., df - 2 of the cosine where df is even, 1, 3, ..., df - 2 where odd.
    for power in range(odd, df - 1, 2):
        total += term
        term *= cos2 * (power + 1) / (power + 2)
    total *= math.sin(theta)
    return 2 / math.pi * (theta + total) if odd else total


def _group(by_seed: dict[int, Run]) -> Group:
    runs = tuple(by_seed[seed] for seed in sorted(by_seed))

    def of_all(scores: Sequence[Score | None]) -> Summary | None:
        known = [score for score in scores if score is not None]
        return summary(known) if len(known) == len(scores) else None

    return Group(
        spec=runs[0].result.spec,
        recipe=runs[0].result.recipe,
        runs=runs,
        test=summary([run.result.test for run in runs]),
        flip=of_all([run.result.test_flip for run in runs]),
        validation=of_all([run.result.validation for run in runs]),
    )
