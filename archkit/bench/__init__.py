"""Training and testing a network, so that the figure can be believed.

The names here need no torch. What trains is `archkit.bench.run.run_spec`, a run with its folder, and
`archkit.bench.engine.train`, the training alone.
"""

from archkit.bench.data import DataSet, load_data
from archkit.bench.recipe import Recipe, load_recipe, override, recipe_names
from archkit.bench.results import EpochRow, Result, Score, read_result

__all__ = [
    "DataSet",
    "EpochRow",
    "Recipe",
    "Result",
    "Score",
    "load_data",
    "load_recipe",
    "override",
    "read_result",
    "recipe_names",
]
