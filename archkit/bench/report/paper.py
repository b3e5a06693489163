"""The accuracies that the 5M-parameter paper prints, and which runs may be compared with them.

The grid is the paper's Table 4 with its rows corrected by the authors' own log (docs/paper.md): the table has
74.30, which is SGD at 0.001, in the row of Adam at 0.001; and 93.54, which is the OneCycle run, in the row of
SGD at 0.001. Each figure comes from one run without a seed, and is a mean of batch means.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from archkit.bench.recipe import Recipe, load_recipe, override
from archkit.bench.report.groups import Group
from archkit.bench.train.results import DataRecord
from archkit.spec import parse

__all__ = ["Printed", "printed_for", "printed_runs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Printed:
    """A run of the paper.

    Attributes:
        network: what the network is called here.
        recipe: how it was trained: a recipe that ships, or a change of one.
        percent: its test accuracy in percent, as printed or corrected.
        moved: whether the paper has it in another row.
    """

    network: str
    recipe: Recipe
    percent: float
    moved: bool


_RATES: Final = (0.1, 0.01, 0.001)
# SGD, Adam and AdaDelta, each at the three rates.
_GRID: Final = {
    "resnet10": (91.46, 87.64, 74.30, 89.06, 91.44, 91.42, 86.59, 69.02, 46.72),
    "resnet12": (89.03, 87.09, 74.39, 82.98, 88.85, 87.76, 83.52, 60.75, 37.98),
    "resnet14-4": (89.56, 89.38, 82.69, 87.16, 89.74, 88.93, 86.93, 71.81, 46.34),
    "resnet14-5": (89.45, 88.72, 81.57, 86.81, 89.15, 89.37, 86.54, 67.98, 44.02),
    "paper-resnet18": (90.28, 91.44, 85.94, 89.71, 91.97, 92.98, 90.90, 81.48, 57.45),
}
_MOVED: Final = {("resnet10", "sgd", 0.001), ("resnet10", "adam", 0.001)}
_BEST: Final = 93.54

_OPTIMIZERS: Final[dict[str, tuple[tuple[str, Any], ...]]] = {
    "sgd": (),
    "adam": (("optimizer.name", "adam"), ("optimizer.momentum", 0.0), ("optimizer.weight_decay", 0.0)),
    "adadelta": (("optimizer.name", "adadelta"), ("optimizer.momentum", 0.0)),
}

# CIFAR-10: how many images to train and to test on, how many classes, and the size of an image.
_CIFAR10: Final = (50_000, 10_000, 10, (3, 32, 32))


@functools.cache
def printed_runs() -> tuple[Printed, ...]:
    """The paper's 45 runs of the grid, and its best run."""
    grid, best = load_recipe("paper-grid"), load_recipe("paper-best")
    found = [Printed(network="resnet10", recipe=best, percent=_BEST, moved=True)]
    columns = list(itertools.product(_OPTIMIZERS.items(), _RATES))
    for network, figures in _GRID.items():
        for ((optimizer, changes), rate), percent in zip(columns, figures, strict=True):
            found.append(
                Printed(
                    network=network,
                    recipe=override(grid, [*changes, ("optimizer.lr", rate)]),
                    percent=percent,
                    moved=(network, optimizer, rate) in _MOVED,
                )
            )
    return tuple(found)


def printed_for(group: Group, data: DataRecord) -> Printed | None:
    """The paper's run with the group's network and recipe, or None.

    The data must be the whole of CIFAR-10, which is recognised by its sizes, and the weights random at first.
    The recipe may differ in its name, its precision and its compilation, which change the speed and the last
    bits.
    """
    if group.init is not None:
        return None
    used = data.train + data.validation
    whole = (used, data.test, len(data.classes), tuple(data.input)) == _CIFAR10
    return _by_run().get((group.spec, _protocol(group.recipe))) if whole else None


@functools.cache
def _by_run() -> Mapping[tuple[str, str], Printed]:
    return {(str(parse(run.network)), _protocol(run.recipe)): run for run in printed_runs()}


def _protocol(recipe: Recipe) -> str:
    """What of a recipe must be the same for two runs to be comparable."""
    fields = recipe.settings()
    return repr([(key, value) for key, value in fields.items() if key not in ("precision", "compile")])
