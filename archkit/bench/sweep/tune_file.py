"""`Tuning`: a network, a recipe and the fields of it that are searched, read from a TOML file.

title = "A recipe for a small network"
spec = "[1,1,1]x[16,32,64]"
data = "shapes"                       # as --data; cifar10 unless given
recipe = "demo"
trials = 30
seed = 0                              # of each run and of the search; this is the default
set = { epochs = 4 }                  # what is changed in the recipe, the same for all trials

[search]
batch_size = [32, 64, 128]                            # one of these
optimizer.lr = { low = 0.01, high = 1.0, log = true } # or a number between two
augment.cutout = { low = 0, high = 12, step = 4 }

[halving]                             # only with this table are runs stopped early
first = 1                             # the epochs after which the first are
factor = 3                            # one of so many goes on, here and after so many times the epochs
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from archkit.bench.recipe import Recipe, load_recipe, override
from archkit.errors import RunError, SpecError, likely
from archkit.spec import parse
from archkit.toml_values import MappingError, from_toml, leaves, read

__all__ = ["Choice", "Halving", "Range", "Searched", "Tuning", "load_tuning"]

_MOST: Final = 10_000  # trials
_RANGE: Final = ("low", "high", "step", "log")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A number between two, both of which it may be.

    Attributes:
        low: the least.
        high: the greatest.
        step: what lies between two that it may be; None for any number, or any whole one.
        log: whether its logarithm is drawn evenly.
        whole: whether it is a whole number.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False


Searched: TypeAlias = Choice | Range


@dataclass(frozen=True, kw_only=True, slots=True)
class Halving:
    """When runs are stopped: after `first` epochs, `first` x `factor`, and so on, one in `factor` goes on."""

    first: int = 1
    factor: int = 3

    def __post_init__(self) -> None:
        if self.first < 1:
            raise RunError(f"halving.first must be at least 1 epoch, not {self.first}")
        if self.factor < 2:
            raise RunError(f"halving.factor must be at least 2, not {self.factor}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """What is searched for.

    Attributes:
        title: what it is called; the file's name unless the file says.
        spec: the network, as its author wrote it.
        data: a source that `archkit.bench.load_data` takes.
        recipe: what the searched fields are changed in.
        trials: how many recipes are tried.
        seed: of each run, and of the search.
        search: the searched fields, by their names.
        halving: when runs are stopped early; None for never.
        train_size: how many training images to take; None for all.
        test_size: how many test images to take; None for all.
    """

    title: str
    spec: str
    data: str
    recipe: Recipe
    trials: int
    seed: int
    search: Mapping[str, Searched]
    halving: Halving | None
    train_size: int | None = None
    test_size: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """The file's fields, without the tables `set` and `search`."""

    spec: str
    recipe: str
    trials: int
    title: str | None = None
    data: str = "cifar10"
    seed: int = 0
    train_size: int | None = None
    test_size: int | None = None
    halving: Halving | None = field(default=None)


def load_tuning(path: Path, *, trials: int | None = None) -> Tuning:
    """What a file says.

    Args:
        path: the TOML file; the path of a recipe in it is relative to the folder of the file.
        trials: takes the place of the file's.

    Raises:
        RunError: it cannot be read, a key is unknown or missing, or a value is wrong.
    """
    try:
        table = from_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, MappingError) as error:
        raise RunError(f"{path} is not TOML: {error}") from error
    try:
        apart = {key: table.pop(key, {}) for key in ("set", "search")}
        for key, value in apart.items():
            if not isinstance(value, dict):
                raise MappingError(f"{key} must be a table, not {value!r}")
        top = read(_File, table)
        parse(top.spec)
        beside = path.parent / top.recipe
        name = str(beside) if top.recipe.endswith(".toml") and beside.exists() else top.recipe
        recipe = override(load_recipe(name), list(leaves(apart["set"]).items()))
        if not recipe.protocol.validation:
            raise MappingError(
                "recipes are compared on images set apart, and there are none: set.protocol.validation = 0.1"
            )
        count = top.trials if trials is None else trials
        if not 1 <= count <= _MOST:
            raise MappingError(f"trials must be 1 to {_MOST:,}, not {count}")
        return Tuning(
            title=top.title or path.stem,
            spec=top.spec,
            data=top.data,
            recipe=recipe,
            trials=count,
            seed=top.seed,
            search=_search(apart["search"], recipe),
            halving=top.halving,
            train_size=top.train_size,
            test_size=top.test_size,
        )
    except SpecError as error:
        raise RunError(f"{path}: {error.reason}: {error.text!r}") from error
    except (MappingError, RunError) as error:
        raise RunError(f"{path}: {error}") from error


def _search(table: Mapping[str, Any], recipe: Recipe) -> dict[str, Searched]:
    """The searched fields; those of a recipe may lie in tables, and a range is a table too."""
    known = leaves(recipe.to_mapping())
    found: dict[str, Searched] = {}

    def look(at: Mapping[str, Any], prefix: str) -> None:
        for key, value in at.items():
            name = prefix + key
            if name in known:
                found[name] = _searched(name, value, known[name])
            elif isinstance(value, dict) and any(other.startswith(f"{name}.") for other in known):
                look(value, f"{name}.")
            else:
                raise MappingError(f"search: there is no field {name!r}; {likely(name, known)}")

    look(table, "")
    if not found:
        raise MappingError("search is empty: at least one field, as in optimizer.lr = [0.1, 0.2]")
    if "name" in found:
        raise MappingError("search.name: the name of a recipe decides nothing")
    return found


def _searched(name: str, value: Any, now: Any) -> Searched:
    if isinstance(value, list):
        if len(value) < 2:
            raise MappingError(f"search.{name} needs two values or more to choose from")
        return Choice(values=tuple(value))
    if not isinstance(value, dict) or not {"low", "high"} <= value.keys() <= set(_RANGE):
        raise MappingError(f"search.{name} is a list, or a table of low, high and perhaps step or log")
    if isinstance(now, bool) or not isinstance(now, int | float):
        raise MappingError(f"search.{name}: the field is no number, so list its values")
    whole = isinstance(now, int)
    numbers = [value[key] for key in ("low", "high", "step") if key in value]
    kind = int if whole else (int, float)
    if not all(isinstance(n, kind) and not isinstance(n, bool) for n in numbers):
        raise MappingError(f"search.{name}: low, high and step must be {'whole ' * whole}numbers")
    log = value.get("log", False)
    if not isinstance(log, bool) or (log and ("step" in value or value["low"] <= 0)):
        raise MappingError(f"search.{name}: log is true or false, and goes with low above 0 and no step")
    if value["low"] >= value["high"] or value.get("step", 1) <= 0:
        raise MappingError(f"search.{name}: low must be below high, and step above 0")
    return Range(low=value["low"], high=value["high"], step=value.get("step"), log=log, whole=whole)
