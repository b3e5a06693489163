"""Published networks with their accuracies, and the range of shapes that they have.

An objective that was chosen by these networks says something of networks like them. One of another shape (far
thinner, deeper, or with all of its parameters in one stage) is a guess.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from archkit.count import count
from archkit.plan import outline
from archkit.spec import ArchSpec
from archkit.toml_values import from_toml

__all__ = ["RANGES", "Outside", "Published", "kind", "outside", "published", "shape", "sources"]

_FOLDER: Final = Path(__file__).parent.parent / "evidence"

SMALL: Final = 64
"""Rows of the largest image that is small: CIFAR's are 32, ImageNet's 160 and more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A network that somebody trained, and what came of it.

    Attributes:
        table: whose table it stands in; `sources` has its repository, licence and data set.
        recipe: what it was trained by; only networks of one table and one recipe are compared.
        name: what it is called there.
        accuracy: in percent.
        spec: the network, as a text of the language.
        params: the parameters that were published, or None.
        source: REPOSITORY@COMMIT:FILE on GitHub.
        note: what else the source says, or an empty text.
    """

    table: str
    recipe: str
    name: str
    accuracy: float
    spec: str
    params: int | None
    source: str
    note: str


@cache
def published() -> tuple[Published, ...]:
    """Every network of `archkit/evidence/trained.csv`.

    >>> len(published())
    686
    """
    with (_FOLDER / "trained.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            Published(
                table=row["table"],
                recipe=row["recipe"],
                name=row["name"],
                accuracy=float(row["accuracy"]),
                spec=row["spec"],
                params=int(row["published_params"]) if row["published_params"] else None,
                source=row["source"],
                note=row["note"],
            )
            for row in csv.DictReader(file)
        )


def sources() -> dict[str, dict[str, Any]]:
    """What `archkit/evidence/sources.toml` says of each table.

    >>> sources()["timm"]["licence"]
    'Apache-2.0'
    """
    return from_toml((_FOLDER / "sources.toml").read_text(encoding="utf-8"))


class Outside(NamedTuple):
    """A measure of a network's shape in which it lies outside the published ones, and their range."""

    measure: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """In words, such as `share of the first stage 0.72 (published: 0.03 to 0.34)`."""
        return f"{self.measure} {self.value:.3g} (published: {self.low:g} to {self.high:g})"


RANGES: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "large images, basic": {
        "activations per 1,000 MACs": (1.02, 2.22),
        "depth over width": (0.0416, 0.153),
        "share of the first stage": (0.0104, 0.0298),
        "share of the last stage": (0.569, 0.753),
        "rows of the last map": (5, 9),
        "fewest blocks of a stage": (1, 3),
        "most blocks of a stage": (1, 6),
    },
    "large images, bottleneck": {
        "activations per 1,000 MACs": (0.932, 6.25),
        "depth over width": (0.0583, 1.95),
        "share of the first stage": (0.00214, 0.0509),
        "share of the last stage": (0.146, 0.756),
        "rows of the last map": (5, 10),
        "fewest blocks of a stage": (1, 4),
        "most blocks of a stage": (1, 87),
    },
    "small images, basic": {
        "activations per 1,000 MACs": (0.495, 4.93),
        "depth over width": (0.0375, 32.2),
        "share of the first stage": (0.00937, 0.119),
        "share of the last stage": (0.299, 0.817),
        "rows of the last map": (4, 8),
        "fewest blocks of a stage": (1, 200),
        "most blocks of a stage": (1, 200),
    },
    "small images, bottleneck": {
        "activations per 1,000 MACs": (1.42, 13.3),
        "depth over width": (0.133, 26.9),
        "share of the first stage": (0.00371, 0.0491),
        "share of the last stage": (0.257, 0.769),
        "rows of the last map": (4, 8),
        "fewest blocks of a stage": (2, 111),
        "most blocks of a stage": (2, 111),
    },
}
"""By kind of network and measure, the least and the most of the published ones, to three digits outwards."""


def kind(spec: ArchSpec) -> str | None:
    """Which of the published networks one is like: by its images, and by whether it has bottlenecks.

    None if its blocks are of a family that no published network has.
    """
    families = set(spec.block)
    if not families <= {"basic", "preact", "bottleneck", "preact-bottleneck"}:
        return None
    images = "small images" if spec.input[1] <= SMALL else "large images"
    return f"{images}, {'bottleneck' if any('bottleneck' in name for name in families) else 'basic'}"


def shape(spec: ArchSpec) -> dict[str, float]:
    """The measures of a network's shape.

    Activations per 1,000 MACs; depth over the mean width (of the blocks); the shares of the parameters of
    all stages that the first and the last have; rows of the last map; the blocks of the stage with the fewest
    and of that with the most.

    >>> from archkit.spec import parse
    >>> shape(parse("[3,1]x[16,32]"))["depth over width"]
    0.5
    """
    account = count(spec)
    stages = [part.params for part in account.parts if part.name.startswith("stage")]
    width = sum(n * c for n, c in zip(spec.blocks, spec.channels, strict=True)) / sum(spec.blocks)
    return {
        "activations per 1,000 MACs": 1000 * account.activations / account.macs,
        "depth over width": account.depth / width,
        "share of the first stage": stages[0] / sum(stages),
        "share of the last stage": stages[-1] / sum(stages),
        "rows of the last map": outline(spec).stages[-1].out[1],
        "fewest blocks of a stage": min(spec.blocks),
        "most blocks of a stage": max(spec.blocks),
    }


def outside(spec: ArchSpec) -> tuple[Outside, ...]:
    """The measures in which a network lies outside the range of published ones.

    Empty if it is like them, or of a family that no published network has.
    """
    ranges = RANGES.get(kind(spec) or "")
    if ranges is None:
        return ()
    return tuple(
        Outside(measure, value, *ranges[measure])
        for measure, value in shape(spec).items()
        if not ranges[measure][0] <= value <= ranges[measure][1]
    )
