"""Training and testing a network, so that its figure can be believed.

The names here need no torch until they are called, and each is imported when it is first used. What trains is
`archkit.bench.sweep.run_spec.run_spec`, a run with its folder, and `archkit.bench.train.engine.train`, the
training alone. `archkit.bench(spec, data, ...)` is `archkit.api.bench`, from texts and keywords.

The wings, each of which imports only those before it:

    recipe      how a network is trained
    data        where images come from
    augment     what becomes of a training batch
    train       one network trained and tested in memory, and what is recorded of it
    use         a trained network, tested again and asked about images
    sweep       runs and their folders, one or many
    report      finished runs side by side

The words, each with one meaning:

    Recipe      how to train: everything that decides a run except the network, the data and the seed
    DataSet     labelled images in memory
    Run         a network, a recipe and a seed: what is to be run
    Suite       runs on one data set, as a file lists them
    Conduct     what is the same for all runs of a suite: the device, the root folder, --force and --resume
    Trainer     a run between its first and its last step
    Event       what a run tells while it goes on, and a Watch is what it tells it to
    Checkpoint  a run between two epochs, as a file
    Outcome     what training gives, in memory: weights and scores
    Result      what is recorded of a run: `result.json`
    Preprocess  what a run's network is given of an image
    EpochRow    what is recorded of an epoch: a line of `epochs.csv`
    Finished    a run's result and its folder
    Ended       how a run ended: finished, or with an error
    Group       finished runs that differ only in their seeds
    Section     the groups of one data set, which may be compared

A run works in its partial folder, `NAME.partial`, which becomes its folder, `NAME`, when it is finished.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from archkit.bench.data.dataset import DataSet
    from archkit.bench.data.load import load_data
    from archkit.bench.recipe import Recipe, load_recipe, override, recipe_names
    from archkit.bench.train.results import EpochRow, Result, Score, read_result
    from archkit.bench.use.preprocess import Preprocess, preprocess

__all__ = [
    "DataSet",
    "EpochRow",
    "Preprocess",
    "Recipe",
    "Result",
    "Score",
    "load_data",
    "load_recipe",
    "override",
    "preprocess",
    "read_result",
    "recipe_names",
]

# The help of `archkit bench` lists the recipes, and must not wait for numpy.
_HOMES: Final = {
    "DataSet": "data.dataset",
    "EpochRow": "train.results",
    "Preprocess": "use.preprocess",
    "Recipe": "recipe",
    "Result": "train.results",
    "Score": "train.results",
    "load_data": "data.load",
    "load_recipe": "recipe",
    "override": "recipe",
    "preprocess": "use.preprocess",
    "read_result": "train.results",
    "recipe_names": "recipe",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


class _Called(ModuleType):
    """This package, which has the name of a command and can be called as it."""

    def __call__(self, *args: Any, **given: Any) -> Any:
        return import_module("archkit.api").bench(*args, **given)


sys.modules[__name__].__class__ = _Called
