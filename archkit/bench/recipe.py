"""`Recipe`: how a network is trained and which of its figures counts, as a frozen value read from TOML."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeAlias

from archkit.bench.mapping import MappingError, nearest, read
from archkit.errors import RunError

__all__ = [
    "Augment",
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

OptimizerName: TypeAlias = Literal["sgd", "adam", "adadelta"]
ScheduleName: TypeAlias = Literal["onecycle", "cosine", "step", "constant"]
PadMode: TypeAlias = Literal["zeros", "reflect"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
Select: TypeAlias = Literal["best", "last"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """What updates the weights; the names and meanings are those of `torch.optim`.

    Attributes:
        name: `sgd`, `adam` or `adadelta`.
        lr: learning rate; under a schedule that warms up, the highest one.
        momentum: of SGD; 0 for the others.
        nesterov: Nesterov's momentum, SGD only.
        weight_decay: L2 penalty added to the gradient.
        decay_norm_bias: whether norms and biases are decayed too, as torch does unless told otherwise.
    """

    name: OptimizerName
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_norm_bias: bool = True

    def __post_init__(self) -> None:
        _hold(self.lr > 0, f"optimizer.lr must be positive, not {self.lr:g}")
        _hold(0 <= self.momentum < 1, f"optimizer.momentum must be in [0, 1), not {self.momentum:g}")
        _hold(self.weight_decay >= 0, f"optimizer.weight_decay must not be negative: {self.weight_decay:g}")
        _hold(self.name == "sgd" or not self.momentum, f"optimizer.momentum is for sgd, not {self.name}")
        _hold(not self.nesterov or self.momentum > 0, "optimizer.nesterov needs a momentum")


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """How the learning rate moves.

    Attributes:
        name: `onecycle`, torch's OneCycleLR, moved each step; `cosine`, linear warmup from 0 and a
            cosine down to 0, moved each step; `step`, divided by `divide` every `every` epochs;
            `constant`.
        warmup: share of all steps in which the rate rises; `onecycle` and `cosine`.
        cycle_momentum: whether `onecycle` moves SGD's momentum against the rate, 0.95 to 0.85 and back
            (torch does, unless told otherwise).
        every: epochs between two divisions, `step`.
        divide: what `step` divides the rate by.
    """

    name: ScheduleName = "constant"
    warmup: float = 0.3
    cycle_momentum: bool = False
    every: int = 20
    divide: float = 3.0

    def __post_init__(self) -> None:
        _hold(0 <= self.warmup < 1, f"schedule.warmup must be in [0, 1), not {self.warmup:g}")
        _hold(self.every >= 1, f"schedule.every must be at least 1 epoch, not {self.every}")
        _hold(self.name != "onecycle" or self.warmup > 0, "schedule.warmup must be positive for onecycle")
        _hold(self.divide >= 1, f"schedule.divide must be at least 1, not {self.divide:g}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Augment:
    """How training images are changed, each by a draw of its own, in this order.

    Attributes:
        rotate: largest angle, degrees; drawn uniformly on either side; nearest pixel, black outside.
        flip: probability of a horizontal flip.
        pad: pixels added on each side before a window of the image's size is cropped; 0 for no crop.
        pad_mode: what the added pixels show: black or the reflection.
    """

    rotate: float = 0.0
    flip: float = 0.0
    pad: int = 0
    pad_mode: PadMode = "zeros"

    def __post_init__(self) -> None:
        _hold(0 <= self.rotate <= 180, f"augment.rotate must be 0 to 180 degrees, not {self.rotate:g}")
        _hold(0 <= self.flip <= 1, f"augment.flip must be a probability, not {self.flip:g}")
        _hold(self.pad >= 0, f"augment.pad must not be negative: {self.pad}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """Which images are trained on, and which epoch's weights are kept and tested.

    The test set is read once, at the end, with the kept weights.

    Attributes:
        validation: share of the training images that is set apart and never trained on.
        select: `best`, the epoch with the most correct validation images (the first of equals), or
            `last`.
    """

    validation: float = 0.0
    select: Select = "last"

    def __post_init__(self) -> None:
        _hold(0 <= self.validation < 1, f"protocol.validation must be in [0, 1), not {self.validation:g}")
        _hold(
            self.select == "last" or self.validation > 0,
            "protocol.select=best needs validation images: set protocol.validation",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Everything that decides a training run but the network, the data and the seed.

    Attributes:
        name: what it is called; for people, it decides nothing.
        epochs: passes over the training images.
        batch_size: images of a step.
        drop_last: whether the images that do not fill a last batch sit out the epoch.
        label_smoothing: share of the target spread over all classes.
        precision: `float32`; `bfloat16`, autocast with float32 weights and norms; `auto`, the latter
            where the device has it in hardware.
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
    optimizer: Optimizer
    schedule: Schedule = field(default_factory=Schedule)
    augment: Augment = field(default_factory=Augment)
    protocol: Protocol = field(default_factory=Protocol)

    def __post_init__(self) -> None:
        _hold(self.epochs >= 1, f"epochs must be at least 1, not {self.epochs}")
        _hold(self.batch_size >= 2, f"batch_size must be at least 2, not {self.batch_size}")
        _hold(
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


def _hold(condition: bool, message: str) -> None:
    if not condition:
        raise RunError(message)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
