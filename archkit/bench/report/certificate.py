"""`prove`: what the runs of a fair sample prove about all the networks that fit.

A training with given seeds has one outcome, and so gives every network of the space a score, trained or
not. By that score, the draws are fair draws, and what is said of ranks holds whatever the training does. With
other seeds the scores would differ: that is the seeds' noise. What is said of the means over all seeds
supposes that the noise is normal and equally large in every network; its size is measured where a network has
several seeds, and it widens what is said. See docs/certify.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from archkit.bench.report.groups import Group, Section, group_runs
from archkit.bench.sweep.run import Finished
from archkit.bench.train.results import DataRecord
from archkit.budget import FairSample
from archkit.errors import RunError
from archkit.spec import ArchSpec, as_spec
from archkit.statistics import at_least, clopper_pearson, student_t

__all__ = ["By", "Noise", "Proof", "Standing", "prove"]

By: TypeAlias = Literal["test", "validation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """How far the score of one network lies from its mean over all seeds.

    Attributes:
        sd: the standard deviation of one run, pooled over the networks that have several seeds.
        df: its degrees of freedom.
        margin: so far at most lies each of the scores that are compared from its mean, all of them at once,
            with half of the error that the confidence leaves.
    """

    sd: float
    df: int
    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a network stands among all that fit.

    Attributes:
        spec: the network, as trained.
        score: its score, the mean over the seeds.
        hits: of how many draws the score is no higher, its own among them.
        share: the interval for the share of all that fit whose score is no higher.
        expected: the same by the mean over all seeds; None if the noise is not known.
    """

    spec: str
    score: float
    hits: int
    share: tuple[float, float]
    expected: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What is proved.

    Attributes:
        draws: how many draws count: those before the first whose network has no finished run.
        top: the share of all that fit in which the best of them lies.
        data: what was trained on.
        recipe: the name of the recipe.
        seeds: the seeds whose mean is the score.
        by: the part of the data that is scored.
        best: the best network of the draws; the upper ends of its intervals are 1.
        named: the network that was asked for, or None.
        noise: of the seeds; None if no network has two.
        missing: the first network without a finished run, or None if all have one.
    """

    draws: int
    top: float
    data: DataRecord
    recipe: str
    seeds: tuple[int, ...]
    by: By
    best: Standing
    named: Standing | None
    noise: Noise | None
    missing: str | None


def prove(
    fair: FairSample,
    runs: Iterable[Finished],
    *,
    network: ArchSpec | str | None = None,
    by: By | None = None,
) -> Proof:
    """What finished runs prove of the networks that `fair` was drawn from.

    Where the runs have several recipes or data sets, those count by which the most draws were trained.

    Args:
        fair: what the sample was drawn from.
        runs: the finished runs; others among them are left aside.
        network: a network whose standing is asked for; it must have been chosen without looking at the runs.
        by: what is scored; the validation images if every run has some, unless given.

    Raises:
        RunError: no run is of the first network that was drawn, or `network` has none like those of the
            sample, or there is no such score.
    """
    drawn = [row.spec for row in fair.networks()]
    ways = [way for section in group_runs(runs) for way in _ways(section, drawn)]
    if not ways:
        raise RunError(f"no finished run is of the first network that was drawn, {drawn[0]}")
    data, groups, specs = max(ways, key=lambda way: len(way[2]))
    asked = None if network is None else _adapted(network, data)
    if asked is not None and asked not in groups:
        name = _first(groups).recipe.name
        raise RunError(
            f"no run of {asked} is like those of the sample: train it with the same data and recipe ({name})"
        )
    compared = [*dict.fromkeys(specs), *([] if asked is None or asked in specs else [asked])]
    seeds = _common(groups, compared)
    by = _scored([groups[spec] for spec in compared], by)
    scores = {spec: statistics.fmean(_scores(groups[spec], by, seeds)) for spec in compared}
    error = 1 - float(fair.confidence)
    noise = _noise([groups[spec] for spec in compared], by, seeds, error=error)
    best = max(compared[: len(set(specs))], key=lambda spec: scores[spec])
    listed = [(spec, scores[spec]) for spec in specs]
    n = len(listed)
    return Proof(
        draws=n,
        top=1 - error ** (1 / n),
        data=data,
        recipe=groups[best].recipe.name,
        seeds=seeds,
        by=by,
        best=_best(best, scores[best], listed, noise, error),
        named=None if asked is None else _named(asked, scores[asked], listed, noise, error),
        noise=noise,
        missing=None if n == len(drawn) else drawn[n],
    )


_Listed: TypeAlias = Sequence[tuple[str, float]]  # the networks that were drawn, and their scores
_Way: TypeAlias = tuple[DataRecord, Mapping[str, Group], list[str]]


def _ways(section: Section, drawn: Sequence[str]) -> Iterable[_Way]:
    """Each way in which the first draws were trained: its groups by network, and those draws' networks.

    A way is a recipe, and the weights to begin with.
    """
    by_way: dict[tuple[str, str | None], dict[str, Group]] = {}
    for group in section.groups:
        by_way.setdefault((repr(group.recipe.settings()), group.init), {})[group.spec] = group
    adapted = {text: _adapted(text, section.data) for text in dict.fromkeys(drawn)}
    for groups in by_way.values():
        specs: list[str] = []
        for text in drawn:
            if adapted[text] not in groups:
                break
            specs.append(adapted[text])
        if specs:
            yield section.data, groups, specs


def _adapted(network: ArchSpec | str, data: DataRecord) -> str:
    """The network as it is trained on these images."""
    c, h, w = data.input
    return str(as_spec(network).replace(input=(c, h, w), classes=len(data.classes)))


def _first(groups: Mapping[str, Group]) -> Group:
    return next(iter(groups.values()))


def _common(groups: Mapping[str, Group], specs: Sequence[str]) -> tuple[int, ...]:
    """The seeds that every network has."""
    each = [{run.result.seed for run in groups[spec].runs} for spec in specs]
    seeds = tuple(sorted(set.intersection(*each)))
    if not seeds:
        raise RunError("the networks have no seed in common, so that their scores cannot be compared")
    return seeds


def _scored(groups: Sequence[Group], by: By | None) -> By:
    apart = all(group.validation is not None for group in groups)
    if by == "validation" and not apart:
        raise RunError("not every run has validation images; --by test ranks by the test images")
    return by if by is not None else "validation" if apart else "test"


def _scores(group: Group, by: By, seeds: Sequence[int] | None = None) -> list[float]:
    """The accuracies of a network's runs; of these seeds, or of all."""
    found = []
    for run in group.runs:
        score = run.result.test if by == "test" else run.result.validation
        if score is not None and (seeds is None or run.result.seed in seeds):
            found.append(score.accuracy)
    return found


def _noise(groups: Sequence[Group], by: By, seeds: Sequence[int], *, error: float) -> Noise | None:
    several = [found for group in groups if len(found := _scores(group, by)) > 1]
    if not several:
        return None
    df = sum(len(found) - 1 for found in several)
    sd = math.sqrt(sum((len(found) - 1) * statistics.variance(found) for found in several) / df)
    # Half of the error is divided among the networks (Bonferroni).
    t = student_t(df, 1 - error / 2 / len(groups))
    return Noise(sd=sd, df=df, margin=t * sd / math.sqrt(len(seeds)))


def _best(spec: str, score: float, listed: _Listed, noise: Noise | None, error: float) -> Standing:
    n = len(listed)
    expected = None
    if noise is not None:
        # Its rank by the means is not known, only that no more than these draws stand above it. Each rank r,
        # from 0, has its part of half of the error (1/2 + 1/6 + 1/12 + ... = 1), so the bound holds at any.
        above = sum(one != spec and mean + noise.margin > score - noise.margin for one, mean in listed)
        part = error / 2 / ((above + 1) * (above + 2))
        expected = (at_least(n - above, n, 1 - part), 1.0)
    share = (at_least(n, n, 1 - error), 1.0)
    return Standing(spec=spec, score=score, hits=n, share=share, expected=expected)


def _named(spec: str, score: float, listed: _Listed, noise: Noise | None, error: float) -> Standing:
    n = len(listed)

    def hits(most: float) -> int:
        return sum(one == spec or mean <= most for one, mean in listed)

    expected = None
    if noise is not None:
        # The margins of both: so many draws are surely no higher by the means, and so many may be.
        level, both = 1 - error / 2, 2 * noise.margin
        low = clopper_pearson(hits(score - both), n, level)[0]
        expected = (low, clopper_pearson(hits(score + both), n, level)[1])
    seen = hits(score)
    share = clopper_pearson(seen, n, 1 - error)
    return Standing(spec=spec, score=score, hits=seen, share=share, expected=expected)
