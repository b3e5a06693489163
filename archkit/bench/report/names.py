"""What a report calls networks and recipes: their short names where they have one."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

from archkit.bench.recipe import Recipe, load_recipe, recipe_names
from archkit.bench.results import DataRecord
from archkit.spec import parse
from archkit.spec.zoo import entries

__all__ = ["data_text", "network_name", "recipe_label"]


def network_name(spec: str, data: DataRecord) -> str:
    """The name that the network has, built for the data's images; its text where it has none.

    Args:
        spec: canonical text of the network that was trained.
        data: what on.
    """
    size, classes = tuple(data.input), len(data.classes)
    return _names(size, classes).get(spec, spec)


@functools.cache
def _names(size: tuple[int, ...], classes: int) -> Mapping[str, str]:
    """Canonical texts of the networks for small images that have a name; the first name counts."""
    found: dict[str, str] = {}
    for entry in entries():
        spec = parse(entry.spec)
        if spec.input[1] <= 64:  # the others are ImageNet's, whose names mean another size
            c, h, w = size
            found.setdefault(str(spec.replace(input=(c, h, w), classes=classes)), entry.name)
    return found


def recipe_label(recipe: Recipe) -> str:
    """Its name, and how it differs from what ships under that name.

    >>> from archkit.bench.recipe import override
    >>> adam = [("optimizer.name", "adam"), ("optimizer.momentum", 0.0), ("optimizer.lr", 0.01)]
    >>> recipe_label(override(load_recipe("paper-grid"), adam))
    'paper-grid adam lr=0.01'
    """
    if recipe.name not in recipe_names():
        return recipe.name
    base = load_recipe(recipe.name)
    here, there = dict(_leaves(recipe.to_mapping())), dict(_leaves(base.to_mapping()))
    words = [recipe.name]
    short = Counter(key.rpartition(".")[2] for key in here)
    for key, value in here.items():
        last = key.rpartition(".")[2]
        if value == there[key] or key == "name":
            continue
        if key in ("optimizer.name", "schedule.name"):
            words.append(str(value))
        elif not (key in ("optimizer.momentum", "optimizer.nesterov") and not value):
            # That another optimizer has no momentum goes without saying.
            words.append(f"{last if short[last] == 1 else key}={_plain(value)}")
    return " ".join(words)


def data_text(data: DataRecord) -> str:
    """One line: the data set, and how much of it was used.

    The training images are those of a run before its recipe sets some apart for validation.
    """
    used = data.train + data.validation
    train = f"{used:,}" if used == data.whole_train else f"{used:,} of {data.whole_train:,}"
    test = f"{data.test:,}" if data.test == data.whole_test else f"{data.test:,} of {data.whole_test:,}"
    return f"{data.name}, {train} training and {test} test images, checksum {data.checksum[:8]}"


def _leaves(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found.extend(
            _leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(prefix + key, value)]
        )
    return found


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
