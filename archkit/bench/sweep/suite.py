"""`Suite`: networks x recipes x seeds, read from a TOML file.

    title = "Two nets, two optimizers"
    data = "cifar10"                      # as --data; this is the default
    seeds = [0, 1, 2]                     # this is the default

    [[runs]]
    specs = ["resnet10", "[3,3,3]x[16,32,64]"]
    recipe = "fast"
    set = { epochs = 10, optimizer.lr = [0.1, 0.2] }   # a list stands for each of its values in turn

Every entry of `runs` is the product of its specs, its recipes and its seeds. A suite that
`archkit certify` wrote also has a table `certificate`: what its networks were drawn from.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archkit.bench.recipe import Recipe, load_recipe, override
from archkit.bench.sweep.run import Run, asked_input
from archkit.budget import FairSample
from archkit.errors import BudgetError, RunError, SpecError
from archkit.spec import ArchSpec, parse
from archkit.toml_values import MappingError, from_toml, leaves, read

__all__ = ["MOST_RUNS", "Suite", "load_suite", "read_seeds", "read_shard"]

_SEEDS: Final = (0, 1, 2)  # enough for a standard deviation; one run says nothing about the next

MOST_RUNS: Final = 10_000
"""How many runs a suite may have, and how many seeds one range may stand for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """Runs on one data set, as a suite's file lists them, with its products multiplied out.

    Attributes:
        title: what the suite is called; the file's name unless the file says.
        data: a source that `archkit.bench.load_data` takes.
        train_size: how many training images to take; None for all.
        test_size: how many test images to take; None for all.
        runs: the runs in the file's order, with the seeds of a network and a recipe together.
        certificate: what the networks were drawn from; None unless `archkit certify` wrote the suite.
    """

    title: str
    data: str
    train_size: int | None
    test_size: int | None
    runs: tuple[Run, ...]
    certificate: FairSample | None = None

    def shard(self, number: int, of: int) -> Suite:
        """Every so-manieth of its runs, for one of several machines that do not know of each other.

        Neighbours in the file are alike, so every shard has some of each kind.

        Args:
            number: of the shard, from 1; its runs are `number`, `number + of`, `number + 2 of`, ...
            of: how many shards there are.

        """
        return dataclasses.replace(self, runs=self.runs[number - 1 :: of])

    @property
    def input(self) -> tuple[int, int, int] | None:
        """C, H, W that a network asks for; None if none does, and the networks follow the images.

        Raises:
            RunError: two networks ask for different ones; the images are loaded once, for all of them.
        """
        asked = list(dict.fromkeys(run.input for run in self.runs if run.input is not None))
        if len(asked) > 1:
            one, other = ("x".join(map(str, sizes)) for sizes in asked[:2])
            raise RunError(f"runs on the same images cannot have input={one} and input={other}")
        return asked[0] if asked else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """One of the file's `[[runs]]` entries, without its `set`."""

    specs: tuple[str, ...]
    recipe: str
    seeds: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """The file's fields, without its `[[runs]]` entries."""

    title: str | None = None
    data: str = "cifar10"
    seeds: tuple[int, ...] = _SEEDS
    train_size: int | None = None
    test_size: int | None = None


def load_suite(
    path: Path, *, seeds: Sequence[int] | None = None, changes: Sequence[tuple[str, Any]] = ()
) -> Suite:
    """The suite in a file.

    Args:
        path: the TOML file; the path of a recipe in it is relative to the folder of the file.
        seeds: take the place of the file's seeds, in every entry.
        changes: made to every recipe, after the entry's own; see `archkit.bench.override`.

    Raises:
        RunError: the file cannot be read, a key is unknown or missing, a value is wrong, or a run is listed
            twice. The message is one line that names the file and the key.
    """
    try:
        table = from_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"cannot read the suite {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, MappingError) as error:
        raise RunError(f"the suite {path} is not TOML: {error}") from error
    try:
        entries = _tables(table)
        apart = ("runs", "certificate")
        top = read(_File, {key: value for key, value in table.items() if key not in apart})
        certificate = _certificate(table.get("certificate"))
        _hold_seeds(top.seeds, "seeds")
        found: dict[tuple[str, str, int], str] = {}
        runs: list[Run] = []
        _hold_number(entries, top.seeds if seeds is None else seeds, fixed=seeds is not None)
        for at, entry in enumerate(entries):
            place = f"runs[{at}]"
            for run in _runs(entry, place, top.seeds, seeds, changes, path.parent):
                what = (str(run.spec), repr(run.recipe.settings()), run.seed)
                if what in found:
                    raise MappingError(
                        f"{place} has a run that is in {found[what]} already:"
                        f" {run.label}, recipe {run.recipe.name}, seed {run.seed}"
                    )
                found[what] = place
                runs.append(run)
    except (MappingError, RunError) as error:
        raise RunError(f"the suite {path}: {error}") from error
    return Suite(
        title=top.title if top.title is not None else path.stem,
        data=top.data,
        train_size=top.train_size,
        test_size=top.test_size,
        runs=tuple(runs),
        certificate=certificate,
    )


def read_shard(text: str) -> tuple[int, int]:
    """The number of a shard and how many there are, from `2/8`.

    Raises:
        RunError: it says no such thing.
    """
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise RunError(f"a shard is written 1/8 to 8/8, its number and how many there are, not {text!r}")
    return int(match[1]), int(match[2])


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds from a text; both ends of a range belong to it.

    >>> read_seeds("0..2,7")
    (0, 1, 2, 7)

    Raises:
        RunError: it is no list of seeds and ranges, or a seed is listed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        matched = re.fullmatch(r"\s*(\d{1,18})(?:\.\.(\d{1,18}))?\s*", part, re.ASCII)
        if matched is None:
            raise RunError(f"seeds are numbers and ranges, such as 0..2 or 0,1,5, not {text!r}")
        first = int(matched[1])
        last = first if matched[2] is None else int(matched[2])
        if not first <= last < first + MOST_RUNS:
            raise RunError(f"the range of seeds {part.strip()} has no seed in it, or more than {MOST_RUNS:,}")
        seeds.extend(range(first, last + 1))
    if len(set(seeds)) < len(seeds):
        raise RunError(f"a seed is listed twice in {text!r}")
    return tuple(seeds)


def _certificate(table: Any) -> FairSample | None:
    """What the file's networks were drawn from, if it says so."""
    if table is None:
        return None
    if not isinstance(table, dict):
        raise MappingError(f"certificate must be a table, not {table!r}")
    try:
        return FairSample.from_mapping(table)
    except (BudgetError, SpecError) as error:
        raise MappingError(f"certificate: {str(error).splitlines()[0]}") from error


def _tables(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The file's `[[runs]]` entries; at least one."""
    entries = table.get("runs")
    if not isinstance(entries, list) or not entries:
        raise MappingError("runs is missing: at least one [[runs]], with specs and a recipe")
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise MappingError(f"runs[{at}] must be a table, not {entry!r}")
    return entries


def _runs(
    table: Mapping[str, Any],
    place: str,
    default_seeds: tuple[int, ...],
    seeds: Sequence[int] | None,
    changes: Sequence[tuple[str, Any]],
    folder: Path,
) -> Iterator[Run]:
    """The runs of one entry."""
    settings = table.get("set", {})
    if not isinstance(settings, dict):
        raise MappingError(f"{place}.set must be a table, not {settings!r}")
    without = {key: value for key, value in table.items() if key != "set"}
    entry = read(_Entry, without, prefix=f"{place}.")
    if not entry.specs:
        raise MappingError(f"{place}.specs has no network")
    own = default_seeds if entry.seeds is None else entry.seeds
    _hold_seeds(own, f"{place}.seeds")
    recipes = list(_recipes(entry.recipe, settings, changes, place, folder))
    specs = [_spec(text, f"{place}.specs[{at}]") for at, text in enumerate(entry.specs)]
    for (text, spec), recipe in itertools.product(zip(entry.specs, specs, strict=True), recipes):
        for seed in own if seeds is None else seeds:
            yield Run(label=text, spec=spec, recipe=recipe, seed=seed, input=asked_input(text, spec))


def _hold_number(entries: Sequence[Mapping[str, Any]], seeds: Sequence[int], *, fixed: bool) -> None:
    """Refuses more runs than anyone waits for, before they are multiplied out; what is wrong otherwise waits.

    Args:
        entries: the file's `[[runs]]`.
        seeds: those of an entry that has none of its own.
        fixed: whether they take the place of an entry's own.
    """

    def length(value: Any) -> int:
        return len(value) if isinstance(value, list) else 1

    runs = 0
    for entry in entries:
        settings = entry.get("set")
        listed = leaves(settings).values() if isinstance(settings, dict) else ()
        own = len(seeds) if fixed else length(entry.get("seeds", list(seeds)))
        runs += math.prod([length(entry.get("specs")), own, *map(length, listed)])
    if runs > MOST_RUNS:
        raise MappingError(f"it has {runs:,} runs, and {MOST_RUNS:,} are the most")


def _recipes(
    name: str, settings: Mapping[str, Any], changes: Sequence[tuple[str, Any]], place: str, folder: Path
) -> Iterator[Recipe]:
    """The recipe with each combination of the values that `set` lists."""
    beside = folder / name
    try:
        recipe = load_recipe(str(beside) if name.endswith(".toml") and beside.exists() else name)
    except RunError as error:
        raise MappingError(f"{place}.recipe: {error}") from error
    choices = {k: v if isinstance(v, list) else [v] for k, v in leaves(settings).items()}
    for key, values in choices.items():
        if not values:
            raise MappingError(f"{place}.set.{key} is an empty list")
    for chosen in itertools.product(*choices.values()):
        try:
            yield override(override(recipe, zip(choices, chosen, strict=True)), changes)
        except RunError as error:
            raise MappingError(f"{place}.set: {error}") from error


def _spec(text: str, place: str) -> ArchSpec:
    try:
        return parse(text)
    except SpecError as error:  # its own text has several lines, one with a caret
        hint = "" if error.hint is None else f" ({error.hint})"
        raise MappingError(f"{place}: {error.reason}{hint}: {text!r}") from error


def _hold_seeds(seeds: tuple[int, ...], place: str) -> None:
    if not seeds:
        raise MappingError(f"{place} has no seed")
    if min(seeds) < 0:
        raise MappingError(f"{place} has a negative seed: {min(seeds)}")
    if len(set(seeds)) < len(seeds):
        raise MappingError(f"{place} has a seed twice")
