"""`Recipe`: how a network is trained and which of its figures counts, as a frozen value read from TOML."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from archkit.bench.mapping import MappingError, nearest, read
from archkit.bench.recipe_parts import (
    Augment,
    Compile,
    Optimizer,
    PadMode,
    Precision,
    Protocol,
    Schedule,
    hold,
)
from archkit.errors import RunError

__all__ = [
    "Augment",
    "Compile",
    "Optimizer",
    "PadMode",
    "Precision",
    "Protocol",
    "Recipe",
    "Schedule",
    "differences",
    "load_recipe",
    "override",
    "recipe_names",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything that decides a training run but the network, the data and the seed.

    Attributes:
        name: what it is called; for people, it decides nothing.
        epochs: passes over the training images.
        batch_size: images of a step.
        drop_last: whether the images that do not fill a last batch sit out the epoch.
        label_smoothing: share of the target spread over all classes.
        precision: `float32`; `tf32`, the same with the operands of convolutions and products rounded to
            10 bits where the device does so; `bfloat16`, autocast with float32 weights and norms; `auto`,
            the latter where the device has it in hardware.
        compile: the mode in which `torch.compile` compiles the forward and backward pass, or `none`;
            `reduce-overhead` and `max-autotune` record CUDA graphs.
        ema: decay of an exponential moving average of the weights, which is then what is validated, kept
            and tested; 0 for none. It rises from 0.1 to this as the steps go on.
        optimizer: what updates the weights.
        schedule: how the learning rate moves.
        augment: how training images are changed.
        protocol: which figures count.

    Raises:
        RunError: a value is out of range or contradicts another.
    """

    name: str
    epochs: int
    batch_size: int
    drop_last: bool = False
    label_smoothing: float = 0.0
    precision: Precision = "auto"
    compile: Compile = "none"
    ema: float = 0.0
    optimizer: Optimizer
    schedule: Schedule = field(default_factory=Schedule)
    augment: Augment = field(default_factory=Augment)
    protocol: Protocol = field(default_factory=Protocol)

    def __post_init__(self) -> None:
        hold(self.epochs >= 1, f"epochs must be at least 1, not {self.epochs}")
        hold(self.batch_size >= 2, f"batch_size must be at least 2, not {self.batch_size}")
        hold(0 <= self.ema < 1, f"ema must be in [0, 1), not {self.ema:g}")
        hold(
            0 <= self.label_smoothing < 1, f"label_smoothing must be in [0, 1), not {self.label_smoothing:g}"
        )

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Recipe:
        """A recipe from nested mappings, as TOML and JSON give them; `to_mapping` is its inverse.

        Raises:
            RunError: a key is unknown or missing, or a value is of the wrong type or out of range.
        """
        try:
            return read(cls, table)
        except MappingError as error:
            raise RunError(str(error)) from error

    def to_mapping(self) -> dict[str, Any]:
        """All fields as nested plain mappings, defaults included."""
        return dataclasses.asdict(self)


def recipe_names() -> tuple[str, ...]:
    """The recipes that the package ships."""
    folder = resources.files(__package__) / "recipes"
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


def load_recipe(name: str) -> Recipe:
    """The shipped recipe of that name, or the one in the TOML file of that path.

    Text that ends in `.toml` or holds a slash is a path.

    Raises:
        RunError: no such recipe or file, or it is no valid recipe.
    """
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"cannot read the recipe {name}: {_reason(error)}") from error
        name = path.stem
    elif name in recipe_names():
        text = (resources.files(__package__) / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    else:
        raise RunError(f"no recipe is called {name!r}{nearest(name, recipe_names())} (a path ends in .toml)")
    try:
        return Recipe.from_mapping({"name": name, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise RunError(f"the recipe {name} is not TOML: {error}") from error
    except RunError as error:
        raise RunError(f"the recipe {name}: {error}") from error


def override(recipe: Recipe, changes: Iterable[tuple[str, Any]]) -> Recipe:
    """`recipe` with fields changed.

    >>> override(load_recipe("fast"), [("epochs", "3"), ("optimizer.lr", "0.05")]).optimizer.lr
    0.05

    Args:
        recipe: where to start.
        changes: pairs of a dotted name, such as `augment.pad`, and a value. A string is read as a TOML
            value first (`10`, `0.1`, `true`), then taken as it is.

    Raises:
        RunError: a name is unknown, or a value is of the wrong type or out of range.
    """
    table = recipe.to_mapping()
    for key, value in changes:
        *path, last = key.split(".")
        at: Any = table
        for part in path:
            at = at.get(part) if isinstance(at, dict) else None
        if not isinstance(at, dict) or last not in at or isinstance(at[last], dict):
            raise RunError(f"there is no field {key!r}{nearest(key, _leaves(recipe.to_mapping()))}")
        at[last] = _toml_value(value) if isinstance(value, str) and not isinstance(at[last], str) else value
    return Recipe.from_mapping(table)


def differences(recipe: Recipe, base: Recipe) -> tuple[str, ...]:
    """Fields of `recipe` that are not as in `base`, as `key=value`; the name is no difference."""
    here, there = recipe.to_mapping(), base.to_mapping()
    found = []
    for key in _leaves(here):
        mine, other = (functools.reduce(lambda at, part: at[part], key.split("."), t) for t in (here, there))
        if mine != other and key != "name":
            found.append(f"{key}={mine}")
    return tuple(found)


def _leaves(table: Mapping[str, Any], prefix: str = "") -> tuple[str, ...]:
    """Dotted names of all fields that hold no further fields."""
    found: list[str] = []
    for key, value in table.items():
        found.extend(_leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else (prefix + key,))
    return tuple(found)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
