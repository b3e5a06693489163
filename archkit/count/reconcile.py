"""`reconcile`: which conventions turn a spec into a published figure.

A paper prints a notation and a figure, and leaves out how wide the stem is, what stands on the
shortcut, or whether the convs have a bias. Every combination of a few such changes is counted in
closed form; those that print as the figure does are listed, the simplest explanation first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from archkit.blocks import Option
from archkit.count.closed import totals
from archkit.count.figure import Figure, Fit
from archkit.errors import SpecError
from archkit.spec import ArchSpec
from archkit.spec.options import options
from archkit.spec.syntax import read
from archkit.spec.text import option_value

__all__ = ["Explanation", "Quantity", "reconcile"]

Quantity: TypeAlias = Literal["params", "macs"]

MAX_CHANGES: Final = 3


class _Change(NamedTuple):
    """One way to read the notation differently.

    key: the option that it changes; two changes of one option are never combined.
    value: what the option becomes.
    text: as in the language.
    weight: see `archkit.blocks.Variant`.
    """

    key: str
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
            variant = spec.replace(**{change.key: change.value for change in changes})
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
    """No change, each by itself, then combinations over different options."""
    by_key: dict[str, list[_Change]] = {}
    for change in changes:
        by_key.setdefault(change.key, []).append(change)
    for n in range(at_most + 1):
        for some in combinations(by_key.values(), n):
            yield from product(*some)


def _changes(spec: ArchSpec) -> list[_Change]:
    """The single changes that a figure may hide: the variants of every option."""
    values = spec.__dict__
    found = []
    for key, row in options().items():
        for variant in row.variants(values) if callable(row.variants) else row.variants:
            value = _value(row, variant.text)
            if value is None:
                value = row.default_among(values)
            if getattr(spec, key) != ((value,) * len(spec.blocks) if row.by_stage else value):
                found.append(_Change(key, value, f"{key}={variant.text}", variant.weight))
    return found


@lru_cache(maxsize=1024)
def _value(row: Option, text: str) -> Any:
    """The value of an option, from its text; None where that is its default."""
    tree = read(f"[1]x[1] {row.key}={text}")
    value = option_value(tree.text, tree.options[0])
    return row.values.accept(value, (row.key, None))
