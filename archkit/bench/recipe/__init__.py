"""How a network is trained and which of its figures counts: the recipes. Needs no torch.

Adding one is a TOML file in `shipped/`, named like the recipe; the command's help, the reports and the tests
find it there.
"""

from archkit.bench.recipe.augment import Augment, PadMode
from archkit.bench.recipe.labels import changes_in_full, differences, recipe_label
from archkit.bench.recipe.load import load_recipe, override, recipe_names
from archkit.bench.recipe.parts import (
    TORCH_OPTIMIZERS,
    Compile,
    Initialise,
    Optimizer,
    Precision,
    Protocol,
    Resolution,
    Schedule,
)
from archkit.bench.recipe.recipe import Recipe

__all__ = [
    "TORCH_OPTIMIZERS",
    "Augment",
    "Compile",
    "Initialise",
    "Optimizer",
    "PadMode",
    "Precision",
    "Protocol",
    "Recipe",
    "Resolution",
    "Schedule",
    "changes_in_full",
    "differences",
    "load_recipe",
    "override",
    "recipe_label",
    "recipe_names",
]
