"""The comparisons of the paper's figures 2 to 5, found among the groups of a section; and training curves."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from archkit.bench.recipe import Recipe
from archkit.bench.report.groups import Group
from archkit.bench.report.rows import Row
from archkit.bench.train.results import EpochRow

__all__ = ["METRICS", "Comparison", "Curve", "best_of_each", "comparisons", "curve"]

METRICS: Final[dict[str, Callable[[EpochRow], float | None]]] = {
    "training loss": lambda row: row.train_loss,
    "training accuracy": lambda row: 100 * row.train_correct / row.train_total,
    "validation loss": lambda row: None if row.validation is None else row.validation.loss,
    "validation accuracy": lambda row: None if row.validation is None else 100 * row.validation.accuracy,
}
"""What a curve may show for each epoch; accuracies in percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Groups that a figure sets side by side.

    Attributes:
        title: what differs between them, and what does not.
        names: what each is called, by what differs.
        rows: where each stands among the section's rows.
    """

    title: str
    names: tuple[str, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A figure for each epoch, over the seeds of a group: the mean, the smallest and the largest."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def curve(group: Group, metric: str) -> Curve | None:
    """The curve of one of `METRICS`; None if a run has no such figure."""
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
    """The index of each network's best row, with the best network first (the paper's figures 2 and 3)."""
    best: dict[str, int] = {}
    for at in _by_mean(rows):
        best.setdefault(rows[at].group.spec, at)
    return tuple(best.values())


def comparisons(rows: Sequence[Row]) -> tuple[Comparison, ...]:
    """The comparisons of the paper's figures 3, 4 and 5, if there are at least two rows for them.

    Figure 3 compares the networks, each with its best recipe; figure 4 the optimizers of the best network at
    its learning rate; figure 5 the learning rates of its optimizer. For figures 4 and 5 the best network is
    the best of those that were trained with several.
    """
    found = []
    networks = best_of_each(rows)
    if len(networks) > 1:
        names = tuple(f"{rows[at].network}, {rows[at].recipe}" for at in networks)
        found.append(Comparison(title="Networks, each with its best recipe", names=names, rows=networks))
    best, others = _siblings(rows, _without_optimizer)
    if others:
        names = tuple(rows[at].group.recipe.optimizer.name for at in others)
        if len(set(names)) < len(names):  # one optimizer with several settings
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


def _siblings(rows: Sequence[Row], same: Callable[[Recipe], str]) -> tuple[Row, tuple[int, ...]]:
    """The best row that is not alone, and all rows with the same network and the same `same(recipe)`."""
    order = _by_mean(rows)
    alike: dict[tuple[str, str], list[int]] = {}
    for at in order:
        alike.setdefault((rows[at].group.spec, same(rows[at].group.recipe)), []).append(at)
    for others in alike.values():  # in the order of their best rows
        if len(others) > 1:
            return rows[others[0]], tuple(others)
    return rows[order[0]], ()


def _without_optimizer(recipe: Recipe) -> str:
    """What two recipes have in common that differ only in the optimizer, but not in its learning rate."""
    fields = recipe.settings()
    fields["optimizer"] = recipe.optimizer.lr
    return repr(fields)


def _without_rate(recipe: Recipe) -> str:
    """What two recipes have in common that differ only in the learning rate."""
    fields = recipe.settings()
    del fields["optimizer"]["lr"]
    return repr(fields)
