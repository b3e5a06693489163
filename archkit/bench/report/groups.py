"""`Group`: runs that differ only in their seeds, with the mean and the spread of their accuracies."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archkit.bench.recipe import Recipe, recipe_label
from archkit.bench.sweep.run import Finished
from archkit.bench.train.results import DataRecord, Score
from archkit.html_tables import html_table
from archkit.statistics import student_t

__all__ = ["Group", "Section", "Summary", "group_runs", "summary"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The accuracies of several seeds, as shares from 0 to 1.

    Attributes:
        n: how many runs.
        mean: the mean of their accuracies.
        sd: their standard deviation (divided by n - 1); None for one run.
        interval: the 95% interval of the mean, by Student's t: what to expect from other seeds on the same
            test images. It ends at 0 and at 1, where Student's t may not. None for one run.
    """

    n: int
    mean: float
    sd: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The runs of a network, a recipe, the weights they began with, and a data set, by seed.

    Attributes:
        spec: the network, canonical text.
        recipe: how they were trained.
        runs: at least one, in the order of their seeds.
        test: their test accuracies.
        flip: their test accuracies with flips; None unless every run has one.
        six: their test accuracies from six views of each image, likewise.
        validation: their accuracies on the images set apart, in the epochs that were kept; None without such
            images. Recipes are chosen by these.
    """

    spec: str
    recipe: Recipe
    runs: tuple[Finished, ...]
    test: Summary
    flip: Summary | None
    six: Summary | None
    validation: Summary | None

    @property
    def params(self) -> int:
        """The network's parameters."""
        return self.runs[0].result.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its convs and linear layers for one image."""
        return self.runs[0].result.macs

    @property
    def init(self) -> str | None:
        """The key of the weights with which every run began; None for random ones."""
        return self.runs[0].result.init

    @property
    def label(self) -> str:
        """How they were trained: the recipe, and the first digits of the weights they began with."""
        return recipe_label(self.recipe) + ("" if self.init is None else f" after {self.init[:8]}")

    @property
    def correct(self) -> tuple[int, ...]:
        """How many test images each run had correct."""
        return tuple(run.result.test.correct for run in self.runs)

    @property
    def total(self) -> int:
        """How many test images there are."""
        return self.runs[0].result.test.total


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """The groups of one data set: only groups of one section may be compared.

    Attributes:
        data: the first run's; the sizes of its training and validation parts depend on its recipe.
        groups: in the order in which their first runs came.
    """

    data: DataRecord
    groups: tuple[Group, ...]

    def _repr_html_(self) -> str:
        """The table of the report, in a notebook."""
        from archkit.bench.report.names import data_text
        from archkit.bench.report.rows import COLUMNS, rows, shown

        table = rows(self)
        columns = shown(table)
        cells = [row.cells() for row in table]
        return html_table(
            [COLUMNS[at] for at in columns],
            [[line[at] for at in columns] for line in cells],
            caption=data_text(self.data),
        )


_What: TypeAlias = tuple[str, str, str]  # a network, the settings of a recipe, and what it began with


def group_runs(runs: Iterable[Finished]) -> tuple[Section, ...]:
    """The runs by data set, network and recipe; a run that is listed twice counts once."""
    by_data: dict[str, dict[_What, dict[int, Finished]]] = {}
    for run in runs:
        result = run.result
        what = (result.spec, _settings(result.recipe), result.init or "")
        by_data.setdefault(result.data.checksum, {}).setdefault(what, {}).setdefault(result.seed, run)
    return tuple(
        Section(
            data=next(iter(next(iter(groups.values())).values())).result.data,
            groups=tuple(_group(by_seed) for by_seed in groups.values()),
        )
        for groups in by_data.values()
    )


def summary(scores: Sequence[Score]) -> Summary:
    """The mean, standard deviation and 95% interval of the accuracies of at least one score."""
    shares = [score.accuracy for score in scores]
    n, mean = len(shares), statistics.fmean(shares)
    if n == 1:
        return Summary(n=1, mean=mean, sd=None, interval=None)
    sd = statistics.stdev(shares)
    half = student_t(n - 1) * sd / math.sqrt(n)
    return Summary(n=n, mean=mean, sd=sd, interval=(max(0.0, mean - half), min(1.0, mean + half)))


@functools.lru_cache(maxsize=4096)
def _settings(recipe: Recipe) -> str:
    """What decides how a recipe trains, as text; thousands of runs share a few recipes."""
    return repr(recipe.settings())


def _group(by_seed: dict[int, Finished]) -> Group:
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
        six=of_all([run.result.test_six for run in runs]),
        validation=of_all([run.result.validation for run in runs]),
    )
