"""What the paper's figures 2 to 5 compare, found among the groups of a section, and their training curves."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from archkit.bench.recipe import Recipe
from archkit.bench.report.groups import Group
from archkit.bench.report.rows import Row
from archkit.bench.results import EpochRow

__all__ = ["METRICS", "Comparison", "Curve", "best_of_each", "comparisons", "curve"]

METRICS: Final[dict[str, Callable[[EpochRow], float | None]]] = {
    "training loss": lambda row: row.train_loss,
    "training accuracy": lambda row: 100 * row.train_correct / row.train_total,
    "validation loss": lambda row: None if row.validation is None else row.validation.loss,
    "validation accuracy": lambda row: None if row.validation is None else 100 * row.validation.accuracy,
}
"""What a curve may show of an epoch; accuracies in percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Groups that a figure sets side by side.

    Attributes:
        title: what differs among them, and what does not.
        names: of each, by what differs.
        rows: indices of each in the section's rows.
    """

    title: str
    names: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A figure of each epoch over the seeds of a group: their mean, least and largest."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def curve(group: Group, metric: str) -> Curve | None:
    """The curve of one of `METRICS`; None where a run has no such figure."""
    read = METRICS[metric]
    epochs: list[tuple[float, ...]] = []
    for rows in zip(*(run.rows for run in group.runs), strict=True):
        values = [value for row in rows if (value := read(row)) is not None]
        if len(values) < len(rows):
            return None
        epochs.append(tuple(values))
    return Curve(
        mean=tuple(map(statistics.fmean, epochs)), low=tuple(map(min, epochs)), high=tuple(map(max, epochs))
    )


def best_of_each(rows: Sequence[Row]) -> tuple[int, ...]:
    """Indices of each network's best row, the best network first (the paper's figures 2 and 3)."""
    best: dict[str, int] = {}
    for at in _by_mean(rows):
        best.setdefault(rows[at].group.spec, at)
    return tuple(best.values())


def comparisons(rows: Sequence[Row]) -> tuple[Comparison, ...]:
    """What the paper's figures 3, 4 and 5 compare, each where there are at least two to compare.

    Figure 3 has each network with its best recipe; figure 4 the optimizers at the best network's learning
    rate; figure 5 the learning rates of its optimizer. The best network is here the best that was trained
    with several.
    """
    found = []
    networks = best_of_each(rows)
    if len(networks) > 1:
        names = tuple(f"{rows[at].network}, {rows[at].recipe}" for at in networks)
        found.append(Comparison(title="Networks, each with its best recipe", names=names, rows=networks))
    best, others = _siblings(rows, _without_optimizer)
    if others:
        names = tuple(rows[at].group.recipe.optimizer.name for at in others)
        if len(set(names)) < len(names):  # one optimizer, set in several ways
            names = tuple(rows[at].recipe for at in others)
        title = f"Optimizers of {best.network} at the learning rate {best.group.recipe.optimizer.lr:g}"
        found.append(Comparison(title=title, names=names, rows=others))
    best, others = _siblings(rows, _without_rate)
    if others:
        others = tuple(sorted(others, key=lambda at: -rows[at].group.recipe.optimizer.lr))
        names = tuple(f"{rows[at].group.recipe.optimizer.lr:g}" for at in others)
        title = f"Learning rates of {best.network} with {best.group.recipe.optimizer.name}"
        found.append(Comparison(title=title, names=names, rows=others))
    return tuple(found)


def _by_mean(rows: Sequence[Row]) -> list[int]:
    return sorted(range(len(rows)), key=lambda at: -rows[at].group.test.mean)


def _siblings(rows: Sequence[Row], same: Callable[[Recipe], object]) -> tuple[Row, tuple[int, ...]]:
    """The best row that is not alone, and all rows of its network and what `same` gives of its recipe."""
    order = _by_mean(rows)
    for at in order:
        spec, what = rows[at].group.spec, same(rows[at].group.recipe)
        others = tuple(i for i in order if rows[i].group.spec == spec and same(rows[i].group.recipe) == what)
        if len(others) > 1:
            return rows[at], others
    return rows[order[0]], ()


def _without_optimizer(recipe: Recipe) -> object:
    """All that two recipes share which differ only in the optimizer, not in its rate."""
    fields = recipe.to_mapping()
    del fields["name"]
    fields["optimizer"] = recipe.optimizer.lr
    return fields


def _without_rate(recipe: Recipe) -> object:
    """All that two recipes share which differ only in the learning rate."""
    fields = recipe.to_mapping()
    del fields["name"]
    del fields["optimizer"]["lr"]
    return fields
