"""`reconcile`: which conventions turn a spec into a published figure.

A paper prints a notation and a figure, and leaves out how wide the stem is, what stands on the
shortcut, or whether the convs have a bias. Every combination of a few such changes is counted in
closed form; those that print as the figure does are listed, the simplest explanation first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from archkit.count.closed import totals
from archkit.count.figure import Figure, Fit
from archkit.errors import SpecError
from archkit.spec import ArchSpec, Attention, Norm, Stem

__all__ = ["Explanation", "Quantity", "reconcile"]

Quantity: TypeAlias = Literal["params", "macs"]

MAX_CHANGES: Final = 3


class _Change(NamedTuple):
    """One way to read the notation differently.

    axis: what it changes; two changes of one axis are never combined.
    field, value: of ArchSpec.
    text: as in the language.
    weight: how far-fetched it is beside the other single changes; 10 for those that papers leave unsaid.
    """

    axis: str
    field: str
    value: Any
    text: str
    weight: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A variant of the spec that prints as the figure.

    Attributes:
        spec: the variant.
        params: its parameters.
        macs: its multiply-accumulates, one image, bias not counted.
        changes: what differs from the spec that was asked about, in the language; empty where
            nothing does.
        fit: whether its figure is the printed one exactly, rounded, or cut off.
    """

    spec: ArchSpec
    params: int
    macs: int
    changes: tuple[str, ...]
    fit: Fit


def reconcile(
    spec: ArchSpec, figure: Figure, *, quantity: Quantity = "params", max_changes: int = MAX_CHANGES
) -> tuple[Explanation, ...]:
    """The variants of `spec` whose figure prints as `figure` does, the simplest first.

    Fewer changes come before more, likelier ones before far-fetched ones; then an exact figure
    before a rounded one before one that was cut off; then the nearer one.

    >>> from archkit.count.figure import parse_figure
    >>> from archkit.spec import parse
    >>> reconcile(parse("[2,2,2,1]x[16,32,64,512]"), parse_figure("3.15M"))[0].changes
    ('shortcut=conv3',)

    Args:
        spec: the notation as read at face value.
        figure: what was printed.
        quantity: what the figure counts.
        max_changes: how many changes are combined at most.
    """
    found: dict[ArchSpec, tuple[tuple[Any, ...], Explanation]] = {}
    for changes in _combined(_changes(spec), max_changes):
        try:
            variant = spec.replace(**{change.field: change.value for change in changes})
        except SpecError:
            continue  # such as a pooling window larger than the map: no network, so no explanation
        cost = totals(variant)
        number = cost.params if quantity == "params" else cost.macs
        fit = figure.fit(number)
        if fit is None or variant in found:
            continue
        rank = (
            sum(change.weight for change in changes),
            ("exact", "rounded", "cut").index(fit),
            abs(number - figure.value),
        )
        texts = tuple(change.text for change in changes)
        found[variant] = (
            rank,
            Explanation(spec=variant, params=cost.params, macs=cost.macs, changes=texts, fit=fit),
        )
    ranked = sorted(found.values(), key=lambda pair: pair[0])
    return _without_idle_changes([explanation for _, explanation in ranked])


def _without_idle_changes(ranked: list[Explanation]) -> tuple[Explanation, ...]:
    """Drops what adds a change to a simpler explanation without moving either figure."""
    kept: list[Explanation] = []
    for one in ranked:
        idle = any(
            (other.params, other.macs) == (one.params, one.macs) and set(other.changes) < set(one.changes)
            for other in kept
        )
        if not idle:
            kept.append(one)
    return tuple(kept)


def _combined(changes: list[_Change], at_most: int) -> Iterator[tuple[_Change, ...]]:
    """No change, each by itself, then combinations over different axes."""
    axes: dict[str, list[_Change]] = {}
    for change in changes:
        axes.setdefault(change.axis, []).append(change)
    for n in range(at_most + 1):
        for some in combinations(axes.values(), n):
            yield from product(*some)


def _changes(spec: ArchSpec) -> list[_Change]:
    """The single changes that a figure may hide."""
    return [
        change
        for change in (
            *_shortcuts(spec),
            *_stems(spec),
            *_conventions(spec),
            *_attention(),
        )
        if getattr(spec, change.field) != change.value
    ]


def _shortcuts(spec: ArchSpec) -> Iterator[_Change]:
    stages = len(spec.blocks)
    for kind, weight in (("conv1", 10), ("conv3", 10), ("pad", 10), ("avg", 12)):
        yield _Change("shortcut", "shortcut", (kind,) * stages, f"shortcut={kind}", weight)
    for where in ("stage", "change"):
        yield _Change("project", "project", where, f"project={where}", 12)


def _stems(spec: ArchSpec) -> Iterator[_Change]:
    first, kind = spec.channels[0], spec.stem.kind
    # As wide as the first stage, as the notation implies; 64 and 16, as in the papers; common others.
    for width in dict.fromkeys((first, 64, 16, 32, 24, 128)):
        weight = 10 if width in (first, 64, 16) else 13
        text = f"stem={width}" if kind == "conv3" else f"stem={kind}:{width}"
        yield _Change("stem", "stem", Stem(kind, width), text, weight)
    for other, width in (("conv3", first), ("conv7", 64), ("deep", 32), ("tiered", 32)):
        if other != kind:
            yield _Change("stem", "stem", Stem(other, width), f"stem={other}", 14)


def _conventions(spec: ArchSpec) -> Iterator[_Change]:
    for bias in (True, False):
        yield _Change("bias", "bias", bias, f"bias={'yes' if bias else 'no'}", 10)
    for classes in (10, 100, 1000):
        yield _Change("classes", "classes", classes, f"classes={classes}", 12)
    for kind in ("none", "batch"):
        yield _Change("norm", "norm", Norm(kind), f"norm={kind}", 13)
    for k in (3, 5, 1, 7):
        yield _Change("kernel", "kernel", (k,) * len(spec.blocks), f"kernel={k}", 13)
    yield _Change("pool", "pool", None, "pool=global", 13)
    for window in (2, 4):
        yield _Change("pool", "pool", window, f"pool={window}", 13)


def _attention() -> Iterator[_Change]:
    yield _Change("attn", "attn", Attention("none"), "attn=none", 14)
    for kind, reduction, text in (
        ("se", 16, "se"),
        ("se", 8, "se:8"),
        ("se", 4, "se:4"),
        ("se-plain", 16, "se-plain"),
        ("se-plain", 8, "se-plain:8"),
        ("se-plain", 4, "se-plain:4"),
        ("eca", 0, "eca"),
    ):
        yield _Change(
            "attn", "attn", Attention(kind, reduction), f"attn={text}", 14 if reduction in (0, 16) else 15
        )
    for kind, reduction, text in (("se", 16, "se"), ("se-plain", 16, "se-plain"), ("eca", 0, "eca")):
        yield _Change("stem_attn", "stem_attn", Attention(kind, reduction), f"stem_attn={text}", 15)
