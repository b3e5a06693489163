"""The networks that the page shows: what each costs, and why it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archkit.bench.report import Group, find_runs, group_runs
from archkit.budget import Budget, Objective, capacity, entropy
from archkit.budget.published import published, sources
from archkit.count.metrics import CAPACITY, DEVICE, FIGURES, PEAK, TRAINING
from archkit.errors import BudgetError, DataError, SpecError
from archkit.spec import ArchSpec, parse

__all__ = ["KINDS", "Point", "costs_of", "measured", "on_device", "published_like"]

KINDS: Final = {
    "sample": "fair sample",
    "front": "exact front",
    "stop": "best within a limit",
    "best": "the solver's best",
    "published": "published",
    "measured": "measured",
}
"""Why a network is shown, the most telling last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A network, and why it is shown.

    Attributes:
        spec: in canonical form.
        kind: one of `KINDS`; of several, the most telling.
        notes: what is to be said of it, a line each.
        accuracy: in percent of test images, or None.
    """

    spec: str
    kind: str
    notes: tuple[str, ...] = ()
    accuracy: float | None = None


def costs_of(spec: str, budget: Budget, objective: Objective) -> dict[str, float | None]:
    """What a network costs, by figure, and its objective where that is no figure.

    The figures of tables are None where a table does not know one of its blocks.
    """
    network = parse(spec)
    also = (TRAINING, PEAK)
    found: dict[str, float | None]
    try:
        figures = budget.figures(network, also=also)
    except BudgetError:
        bare = Budget(batch=budget.batch, optimizer=budget.optimizer, peak_bits=budget.peak_bits)
        unknown = dict.fromkeys((*on_device(budget), *budget.names))
        found = {**bare.figures(network, also=also), **unknown}
    else:
        found = {
            name: _number(budget, name, figures[name])
            for name in (*FIGURES, *on_device(budget), *budget.names)
        }
    if not objective.whole:
        found[objective.name] = (capacity if objective.name == CAPACITY else entropy)(network)
    return found


def on_device(budget: Budget) -> tuple[str, ...]:
    """What TensorFlow Lite Micro takes, of what a budget limits."""
    return tuple(name for name, _ in budget.limited() if name in DEVICE)


def _number(budget: Budget, name: str, value: int) -> float:
    table = budget.table(name)
    return value if table is None else float(table.amount(value))


def measured(folders: Iterable[Path]) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    """The networks of finished runs, with their accuracies; and why others are left out.

    Raises:
        DataError: a path is not a folder, or no run is finished.
    """
    folders = tuple(folders)
    found, skipped = find_runs(folders)
    if folders and not found:
        raise DataError(f"no finished run in {', '.join(map(str, folders))}")
    left_out = [f"skipped: {reason}" for reason in skipped]
    points = []
    for section in group_runs(found):
        for group in section.groups:
            try:
                spec = str(parse(group.spec))
            except SpecError:
                left_out.append(f"skipped: {group.runs[0].folder} has no network that can be read")
                continue
            points.append(_of_runs(spec, group, section.data.name))
    return tuple(points), tuple(left_out)


def _of_runs(spec: str, group: Group, data: str) -> Point:
    percent = 100 * group.test.mean
    seeds = f", mean of {group.test.n} seeds" if group.test.n > 1 else ""
    says = f"measured: {percent:.2f}% of {group.total:,} test images of {data}{seeds}"
    says += f", recipe {group.recipe.name}"
    return Point(spec=spec, kind="measured", notes=(says,), accuracy=percent)


def published_like(networks: Sequence[ArchSpec], budget: Budget) -> Iterator[Point]:
    """Published networks within a budget whose images and classes are those of some networks of the space."""
    alike = {(one.input, one.classes) for one in networks}
    data = {table: about["data"] for table, about in sources().items()}
    for one in published():
        network = parse(one.spec)
        if (network.input, network.classes) not in alike:
            continue
        try:
            fits = budget.fits(network)
        except BudgetError:
            continue  # a table does not know its blocks
        if fits:
            recipe = f", {one.recipe}" if one.recipe else ""
            says = f"published: {one.accuracy:g}% on {data[one.table]} as {one.name} ({one.table}{recipe})"
            yield Point(spec=str(network), kind="published", notes=(says,), accuracy=one.accuracy)
