"""What a recipe is called: its name, and how it differs from the recipe that ships under that name."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

from archkit.bench.recipe.load import load_recipe, recipe_names
from archkit.bench.recipe.recipe import Recipe
from archkit.toml_values import leaves

__all__ = ["changes_in_full", "differences", "recipe_label"]


def differences(recipe: Recipe, base: Recipe) -> tuple[str, ...]:
    """Settings of `recipe` that are not as in `base`, as `key=value`."""
    return tuple(f"{key}={value}" for key, value in _changed(recipe, base).items())


def changes_in_full(recipe: Recipe) -> str:
    """Its name and every changed field, for the record of one run.

    >>> from archkit.bench.recipe import override
    >>> changes_in_full(override(load_recipe("fast"), [("epochs", 3), ("optimizer.lr", 0.05)]))
    'fast with epochs=3, optimizer.lr=0.05'
    """
    if recipe.name not in recipe_names():
        return recipe.name
    changed = differences(recipe, load_recipe(recipe.name))
    return f"{recipe.name} with {', '.join(changed)}" if changed else recipe.name


@functools.lru_cache(maxsize=4096)
def recipe_label(recipe: Recipe) -> str:
    """Its name and what was changed, as short as can be, for a column of a table.

    >>> from archkit.bench.recipe import override
    >>> adam = [("optimizer.name", "adam"), ("optimizer.momentum", 0.0), ("optimizer.lr", 0.01)]
    >>> recipe_label(override(load_recipe("paper-grid"), adam))
    'paper-grid adam lr=0.01'
    """
    if recipe.name not in recipe_names():
        return recipe.name
    words = [recipe.name]
    alike = Counter(key.rpartition(".")[2] for key in leaves(recipe.to_mapping()))
    for key, value in _changed(recipe, _shipped(recipe.name)).items():
        last = key.rpartition(".")[2]
        if key in ("optimizer.name", "schedule.name"):
            words.append(str(value))
        elif value or key not in ("optimizer.momentum", "optimizer.nesterov"):
            # That another optimizer has no momentum goes without saying.
            words.append(f"{last if alike[last] == 1 else key}={_plain(value)}")
    return " ".join(words)


@functools.cache
def _shipped(name: str) -> Recipe:
    """A recipe that the package ships, read once."""
    return load_recipe(name)


def _changed(recipe: Recipe, base: Recipe) -> dict[str, Any]:
    """The settings of `recipe` that are not as in `base`, by dotted name."""
    before = leaves(base.settings())
    return {key: value for key, value in leaves(recipe.settings()).items() if value != before[key]}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
