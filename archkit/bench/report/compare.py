"""`compare`: two groups of runs, image by image and seed by seed, and how many seeds tell the two apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archkit.bench.report.folders import find_runs
from archkit.bench.report.groups import Group, group_runs
from archkit.bench.report.names import network_name
from archkit.bench.report.paired import Paired, mean_difference
from archkit.bench.report.seeds import Welch, detectable, pooled_deviation, seeds_to_see, welch
from archkit.bench.sweep.run import Finished
from archkit.bench.train.correct import CORRECT_FILE, read_correct
from archkit.errors import DataError, SpecError
from archkit.spec import ArchSpec, parse

__all__ = ["Comparison", "Images", "Side", "compare", "side"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two: runs that differ only in their seeds.

    Attributes:
        name: the network's name or its spec, and the recipe.
        group: the runs.
    """

    name: str
    group: Group

    @property
    def shares(self) -> tuple[float, ...]:
        """The test accuracies, by seed."""
        return tuple(run.result.test.accuracy for run in self.group.runs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """The difference on the test images, the networks as they were trained.

    Attributes:
        pairs: the seeds of A and of B, and the two runs: those with one seed; if there are none, the first
            of each side.
        difference: of the mean accuracies, A less B.
        interval: its 95% interval for another sample of images.
    """

    pairs: tuple[tuple[int, int, Paired], ...]
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two networks compared. Differences and deviations are shares.

    Attributes:
        a: the first.
        b: the second.
        images: the difference on the images; None unless every run says which images it has right.
        lacking: the folders of the runs that do not.
        seeds: the difference over the seeds; None if a side has one seed.
        deviation: between the seeds of one network; None as `seeds`.
        needed: how many seeds a side would tell the two apart, if the difference and the deviation are as
            seen; None if too many, or if the deviation is unknown.
    """

    a: Side
    b: Side
    images: Images | None
    lacking: tuple[Path, ...]
    seeds: Welch | None
    deviation: float | None
    needed: int | None

    @property
    def difference(self) -> float:
        """The mean accuracy of A less that of B."""
        return self.a.group.test.mean - self.b.group.test.mean

    def seen_by(self, n: int) -> float | None:
        """The smallest difference that n seeds a side find in four of five tries; None as `deviation`."""
        return None if self.deviation is None else detectable(self.deviation, n)

    def to_mapping(self) -> dict[str, Any]:
        """Everything as nested plain mappings."""
        images, seeds = self.images, self.seeds
        return {
            **{
                key: {
                    "name": one.name,
                    "correct": list(one.group.correct),
                    "seeds": [run.result.seed for run in one.group.runs],
                    "total": one.group.total,
                    "mean": one.group.test.mean,
                    "folders": [str(run.folder) for run in one.group.runs],
                }
                for key, one in (("a", self.a), ("b", self.b))
            },
            "difference": self.difference,
            "images": images
            and {
                "difference": images.difference,
                "interval": list(images.interval),
                "pairs": [
                    {
                        "seed_a": of_a,
                        "seed_b": of_b,
                        "only_a": pair.only_a,
                        "only_b": pair.only_b,
                        "p": pair.p,
                    }
                    for of_a, of_b, pair in images.pairs
                ],
            },
            "seeds": seeds and {"interval": list(seeds.interval), "t": seeds.t, "df": seeds.df, "p": seeds.p},
            "deviation": self.deviation,
            "seeds_needed": self.needed,
            "no_bitmap": [str(folder) for folder in self.lacking],
        }


def side(text: str, runs: Sequence[Finished]) -> Side:
    """The runs that a text means.

    Args:
        text: a folder with the runs of one network and recipe, or one run; or `NETWORK` or `NETWORK@RECIPE`,
            as a report's table calls them.
        runs: those among which a network is looked for.

    Raises:
        DataError: there are none, or they are of several networks, recipes or data sets.
    """
    if Path(text).is_dir():
        found, skipped = find_runs([Path(text)])
        if not found:
            raise DataError(skipped[0] if skipped else f"no finished run in {text}")
        known = _sides(found)
        if len(known) > 1:
            raise DataError(f"{text} has more than one thing to compare: {_names(known)}")
        return known[0]
    network, _, recipe = text.partition("@")
    try:
        spec = parse(network)
    except SpecError as error:
        raise DataError(f"{text!r} is neither a folder nor a network: {error.reason}") from error
    known = [
        one
        for one in _sides(runs)
        if network == network_name(one.group.spec, one.group.runs[0].result.data) or _is(spec, one.group)
    ]
    if not known:
        raise DataError(f"there is no run of {network}; there are {_names(_sides(runs)) or 'none at all'}")
    chosen = [one for one in known if not recipe or one.group.label == recipe]
    if not chosen:
        raise DataError(f"there is no run of {network} with the recipe {recipe!r}; there are {_names(known)}")
    if len(chosen) > 1:
        hint = "" if recipe else "; NETWORK@RECIPE says which, and a folder always does"
        raise DataError(f"{text} may be {_names(chosen)}{hint}")
    return chosen[0]


def compare(a: Side, b: Side) -> Comparison:
    """Compares two networks that were tested on the same images.

    Raises:
        DataError: they were tested on other images, or a file that says which images are right is damaged.
    """
    if _test_of(a.group) != _test_of(b.group):
        raise DataError("the two were tested on other images, and cannot be compared")
    if {run.result.key for run in a.group.runs} & {run.result.key for run in b.group.runs}:
        raise DataError("a run cannot be compared with itself")
    rights = [[_right(run) for run in one.group.runs] for one in (a, b)]
    lacking = tuple(
        run.folder
        for one, known in zip((a, b), rights, strict=True)
        for run, right in zip(one.group.runs, known, strict=True)
        if right is None
    )
    deviation = pooled_deviation(a.shares, b.shares)
    difference = a.group.test.mean - b.group.test.mean
    return Comparison(
        a=a,
        b=b,
        images=None if lacking else _images(a, b, *([r for r in known if r is not None] for known in rights)),
        lacking=lacking,
        seeds=welch(a.shares, b.shares),
        deviation=deviation,
        needed=None if deviation is None else seeds_to_see(difference, deviation),
    )


def _images(a: Side, b: Side, of_a: list[NDArray[np.bool_]], of_b: list[NDArray[np.bool_]]) -> Images:
    by_seed = [
        {run.result.seed: right for run, right in zip(one.group.runs, rights, strict=True)}
        for one, rights in ((a, of_a), (b, of_b))
    ]
    both = [(seed, seed) for seed in by_seed[0] if seed in by_seed[1]]
    both = both or [(a.group.runs[0].result.seed, b.group.runs[0].result.seed)]
    pairs = tuple((of_a, of_b, Paired.of(by_seed[0][of_a], by_seed[1][of_b])) for of_a, of_b in both)
    if len(of_a) == len(of_b) == 1:
        return Images(pairs=pairs, difference=pairs[0][2].difference, interval=pairs[0][2].interval)
    difference, interval = mean_difference(np.stack(of_a), np.stack(of_b))
    return Images(pairs=pairs, difference=difference, interval=interval)


def _right(run: Finished) -> NDArray[np.bool_] | None:
    """Which of its test images a run has right; None if its folder does not say."""
    path = run.folder / CORRECT_FILE
    found = read_correct(path)
    if found is None:
        return None
    data = run.result.data
    if len(found.right) != data.test or found.test_checksum != data.test_checksum:
        raise DataError(f"{path} is of other images than the run")
    return found.right


def _test_of(group: Group) -> tuple[str, int]:
    """What tells the test images: their checksum; in runs that have none, that of all the data."""
    data = group.runs[0].result.data
    return data.test_checksum or data.checksum, data.test


def _sides(runs: Iterable[Finished]) -> list[Side]:
    return [
        Side(name=f"{network_name(group.spec, section.data)}@{group.label}", group=group)
        for section in group_runs(runs)
        for group in section.groups
    ]


def _is(spec: ArchSpec, group: Group) -> bool:
    """Whether a network, built for the data of a group, is the group's."""
    data = group.runs[0].result.data
    C, H, W = data.input
    try:
        return str(spec.replace(input=(C, H, W), classes=len(data.classes))) == group.spec
    except SpecError:  # there is no such network for these images
        return False


def _names(sides: Sequence[Side]) -> str:
    return ", ".join(f"{one.name} on {one.group.runs[0].result.data.name}" for one in sides)
