"""Recipes by name or from TOML files, and with fields changed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from archkit.bench.recipe.recipe import Recipe
from archkit.errors import RunError, likely
from archkit.toml_values import MappingError, from_toml, leaves

__all__ = ["load_recipe", "override", "recipe_names"]


def recipe_names() -> tuple[str, ...]:
    """The recipes that the package ships."""
    files = (resources.files(__package__) / "shipped").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load_recipe(name: str) -> Recipe:
    """The shipped recipe of that name, or the one in the TOML file at that path.

    Text that ends in `.toml` or contains a slash is a path.

    Raises:
        RunError: there is no such recipe or file, or it is no valid recipe.
    """
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"cannot read the recipe {name}: {_reason(error)}") from error
        name = path.stem
    elif name in recipe_names():
        text = (resources.files(__package__) / "shipped" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise RunError(f"no recipe is called {name!r}; {likely(name, recipe_names())} (a path ends in .toml)")
    try:
        return Recipe.from_mapping({"name": name, **from_toml(text)})
    except MappingError as error:
        raise RunError(f"the recipe {name} is not TOML: {error}") from error
    except RunError as error:
        raise RunError(f"the recipe {name}: {error}") from error


def override(recipe: Recipe, changes: Iterable[tuple[str, Any]]) -> Recipe:
    """`recipe` with some fields changed.

    >>> override(load_recipe("fast"), [("epochs", "3"), ("optimizer.lr", "0.05")]).optimizer.lr
    0.05

    Args:
        recipe: the recipe to start from.
        changes: pairs of a dotted name, such as `augment.pad`, and a value. A string is read as a TOML value
            if it is one (`10`, `0.1`, `true`) and taken as it stands otherwise.

    Raises:
        RunError: a name is unknown, or a value is of the wrong type or out of range.
    """
    table = recipe.to_mapping()
    known = leaves(table)
    for key, value in changes:
        if key not in known:
            raise RunError(f"there is no field {key!r}; {likely(key, known)}")
        *path, last = key.split(".")
        at = table
        for part in path:
            at = at[part]
        is_text = isinstance(known[key], str)
        at[last] = _toml_value(value) if isinstance(value, str) and not is_text else value
    return Recipe.from_mapping(table)


def _toml_value(text: str) -> Any:
    try:
        return from_toml(f"value = {text}")["value"]
    except MappingError:
        return text


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
