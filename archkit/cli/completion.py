"""What a shell completes: names of architectures, recipes and budgets, and keys to sort by."""

from __future__ import annotations

from collections.abc import Iterable

from archkit.count.metrics import FIGURES, OBJECTIVES, as_options
from archkit.files import shipped

__all__ = ["architectures", "budgets", "objectives", "recipes", "sort_keys", "spaces"]


def architectures(incomplete: str) -> list[str]:
    """The named architectures that begin so."""
    from archkit.spec import zoo

    return _those(zoo.names(), incomplete)


def budgets(incomplete: str) -> list[str]:
    """The budgets that archkit ships."""
    return _those(shipped("budgets"), incomplete)


def spaces(incomplete: str) -> list[str]:
    """The spaces that go by name."""
    from archkit.spec import SPACES

    return _those(SPACES, incomplete)


def recipes(incomplete: str) -> list[str]:
    """The recipes that archkit ships."""
    from archkit.bench.recipe import recipe_names

    return _those(recipe_names(), incomplete)


def sort_keys(incomplete: str) -> list[str]:
    """What `enumerate --sort` takes."""
    return _both_ways(FIGURES, incomplete)


def objectives(incomplete: str) -> list[str]:
    """What `solve --by` takes."""
    return _both_ways(OBJECTIVES, incomplete)


def _both_ways(names: Iterable[str], incomplete: str) -> list[str]:
    keys = [as_options(name) for name in names]
    return _those([*keys, *(f"least-{key}" for key in keys)], incomplete)


def _those(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
