"""`reconcile`: the variants and readings that fit a figure, the simplest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from math import log
from operator import attrgetter
from typing import Any, Final, NamedTuple

from archkit.count.closed import totals
from archkit.count.figure import Figure, Fit
from archkit.count.reconcile.nearby import named, near
from archkit.count.reconcile.readings import (
    Quantity,
    Reading,
    figure_of,
    moved_point,
    other_readings,
    plain_readings,
)
from archkit.count.reconcile.variants import Change, Tally, Variants
from archkit.count.tools.prediction import figures
from archkit.plan import layout
from archkit.spec import ArchSpec, as_spec

__all__ = ["Explanation", "likely_quantities", "reconcile"]

MAX_CHANGES: Final = 3
_TOOL_WEIGHT: Final = 8
_FITS: Final = ("exact", "rounded", "cut")
_OF_PARAMS: Final = ("params", "trainable params", "total params", "non-trainable params")
_OF_ACTIVATIONS: Final = ("activations", "acts")
_FAR: Final = 20  # times as much: no three changes do that
_DEEP: Final = 500  # blocks; a plan of more takes its time, and one is made for each change
_MANY: Final = 20
_COMMON: Final = 10  # the weight of what papers often leave out
_FEW: Final = 1_000  # a figure with fewer digits than this fits some network near by, whatever it is


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A variant of the spec that prints as the figure.

    Attributes:
        spec: the variant.
        params: its parameters.
        macs: its multiply-accumulates, one image, bias not counted.
        reading: what the figure counts: "parameters", "FLOPs = 2 x MACs", "macs as thop counts it", ...
        number: what that comes to, exactly.
        changes: what differs from the spec that was asked about, in the language; empty where
            nothing does.
        fit: whether the number is the printed one exactly, rounded, or cut off.
        near: whether this is another network, one near by.
        slip: whether the figure would have to be misprinted.
    """

    spec: ArchSpec
    params: int
    macs: int
    reading: str
    number: int
    changes: tuple[str, ...]
    fit: Fit
    near: bool = False
    slip: bool = False


def reconcile(
    spec: ArchSpec | str,
    figure: Figure | str | float,
    *,
    quantity: Quantity | None = None,
    max_changes: int = MAX_CHANGES,
) -> tuple[Explanation, ...]:
    """The variants of `spec` whose figure prints as `figure` does, the simplest first.

    Fewer changes come before more, likelier ones before far-fetched ones; then an exact figure
    before a rounded one before one that was cut off; then the nearer one.

    What the notation leaves out is varied (`docs/reconcile.md`), and what the figure counts: FLOPs, a tool's
    own figure, moving statistics, M = 2^20. If nothing explains the figure, networks near by are looked at,
    whose `near` is set.

    >>> reconcile("[2,2,2,1]x[16,32,64,512]", "3.15M")[0].changes
    ('shortcut=conv3',)
    >>> reconcile("resnet50", 25_636_712)[0].reading
    'total params as keras counts it'

    Args:
        spec: the notation as read at face value, or its text.
        figure: what was printed, as a text or a number.
        quantity: what the figure counts. Unless this or the figure says so, whichever of the spec's own
            parameters and MACs is nearer; and if nothing explains it so, the other one.
        max_changes: how many changes are combined at most.

    Raises:
        SpecError: the text is no spec.
        BudgetError: the figure is none.
    """
    asked, printed = as_spec(spec), figure_of(figure)
    search = _Search(asked, printed, max_changes)
    decided = quantity if quantity is not None else printed.counted
    # Bytes have been refused, wherever the figure comes from.
    if decided is not None and decided != "bytes":
        return search.variants(decided) or search.nearby(decided)
    first, *others = likely_quantities(asked, printed)
    found = search.variants(first)
    for second in others:
        if not found or found[0].slip:
            found = search.variants(second, slips=False) or found
    return found or search.nearby(first)


def likely_quantities(spec: ArchSpec, figure: Figure) -> tuple[Quantity, ...]:
    """Which of its parameters and MACs a figure may count, the one that it is nearer to first."""
    cost = totals(spec)
    if not (figure.value and cost.params and cost.macs):
        return ("params",)
    away: dict[Quantity, float] = {
        "params": abs(log(figure.value / cost.params)),
        "macs": abs(log(figure.value / cost.macs)),
    }
    first, second = sorted(away, key=away.__getitem__)
    return (first, second) if away[second] < log(_FAR) else (first,)


class _Fitting(NamedTuple):
    """A variant that prints as the figure in some reading; whether there is such a network is not yet asked.

    rank: the simplest is the least.
    spec: of a network near by, which is known already.
    """

    rank: tuple[Any, ...]
    changes: tuple[Change, ...]
    tally: Tally
    reading: Reading
    number: int
    fit: Fit
    near: bool
    spec: ArchSpec | None


class _Search:
    """The search for one figure.

    Args:
        spec: the notation.
        figure: what was printed.
        max_changes: that are combined.
    """

    def __init__(self, spec: ArchSpec, figure: Figure, max_changes: int) -> None:
        self._figure, self._max = figure, max_changes
        self._all = Variants(spec)
        self._fitting: list[_Fitting] = []

    def variants(self, quantity: Quantity, *, slips: bool = True) -> tuple[Explanation, ...]:
        """The variants and readings that fit."""
        plain = plain_readings(self._figure, quantity)
        others = other_readings(self._figure, quantity, self._all.spec.input[0])
        self._fitting = []
        if not self._try((), plain):
            self._try((), others)
            self._tools((), quantity)
        # If the spec as it was written prints so, nothing else about the figure needs explaining.
        written = bool(self._fitting)
        enough = 1 if self._figure.unit <= 1 else _MANY
        for n in range(1, self._max + 1):
            for changes in self._all.combined(n, plain[0].number):
                if not self._try(changes, plain) and n <= 2 and not written:
                    self._try(changes, others)
            # Where every digit fits, or many variants do, more changes would be chance.
            if len(self._fitting) >= enough and sum(bool(one.changes) for one in self._ranked()) >= enough:
                break
        found = self._ranked()
        if not found and self._max and sum(self._all.spec.blocks) <= _DEEP:
            for change in self._all.single:
                self._tools((change,), quantity)
        if slips and not written:
            self._try((), moved_point(self._figure, quantity))
        return self._ranked()

    def nearby(self, quantity: Quantity) -> tuple[Explanation, ...]:
        """The networks near by that fit, if the figure has digits enough to tell them from others."""
        plain = plain_readings(self._figure, quantity)
        self._fitting = []
        if self._figure.value < _FEW * self._figure.unit:
            return ()
        changes = list(near(self._all.spec))
        for change in changes:
            self._try((change,), plain, near=True)
        if self._figure.unit <= 1 and not self._fitting:
            conventions = [one for one in self._all.single if one.weight <= _COMMON]
            for change in changes:
                for one in conventions:
                    self._try((change, one), plain, near=True)
        for name, spec in named():
            cost = totals(spec)
            self._fit((Change("", None, name, 25),), Tally(cost.params, cost.macs, 0), plain, spec=spec)
        return self._ranked()

    def _try(self, changes: tuple[Change, ...], readings: Iterable[Reading], *, near: bool = False) -> bool:
        """Whether a combination of changes fits in one of the readings; it is kept then."""
        return self._fit(changes, self._all.tally(changes), readings, near=near)

    def _fit(
        self,
        changes: tuple[Change, ...],
        tally: Tally,
        readings: Iterable[Reading],
        *,
        near: bool = False,
        spec: ArchSpec | None = None,
    ) -> bool:
        for reading in readings:
            if len(changes) > reading.most_changes:
                continue
            number = reading.number(tally)
            fit = reading.figure.fit(number)
            if fit is None or (fit == "cut" and not reading.cut) or _alike(number, tally, reading):
                continue
            rank = (
                sum(change.weight for change in changes) + reading.weight,
                _FITS.index(fit),
                abs(number - reading.figure.value),
            )
            is_near = near or spec is not None
            self._fitting.append(_Fitting(rank, changes, tally, reading, number, fit, is_near, spec))
            return True
        return False

    def _tools(self, changes: tuple[Change, ...], quantity: Quantity) -> None:
        """Keeps the figures of other tools that fit."""
        tally, (least, most) = self._all.tally(changes), self._figure.window
        # No tool prints less than the MACs or much more than twice as many: most need no plan.
        if quantity != "params" and not (tally.macs <= most and least <= 3 * tally.macs):
            return
        spec = self._all.make(changes)
        if spec is None:
            return
        plain = (tally.params,) if quantity == "params" else (tally.macs, 2 * tally.macs)
        seen: dict[int, str] = {}
        for who, what, number in figures(layout(spec)):
            counts = "params" if what in _OF_PARAMS else "macs" if what not in _OF_ACTIVATIONS else None
            # A figure of few digits does not tell the tool's from the plain one.
            alone = all(number != other and abs(number - other) >= self._figure.unit for other in plain)
            if alone and (counts == "params") == (quantity == "params") and counts is not None:
                seen.setdefault(number, f"{what} as {who} counts it")
        for number, name in seen.items():
            reading = Reading(name, _TOOL_WEIGHT, partial(_always, number), self._figure, 1)
            self._fit(changes, tally, (reading,))

    def _ranked(self) -> tuple[Explanation, ...]:
        """What fits, the simplest first; what adds a change and does not move the figure is dropped."""
        kept: list[Explanation] = []
        simpler: dict[tuple[int, str], list[set[str]]] = {}
        specs = set()
        for one in sorted(self._fitting, key=attrgetter("rank")):
            texts = tuple(change.text for change in one.changes)
            before = simpler.setdefault((one.number, one.reading.name), [])
            if any(other < set(texts) for other in before):
                continue
            spec = self._all.make(one.changes) if one.spec is None else one.spec
            if spec is None or (spec, one.reading.name) in specs:
                continue
            before.append(set(texts))
            specs.add((spec, one.reading.name))
            kept.append(
                Explanation(
                    spec=spec,
                    params=one.tally.params,
                    macs=one.tally.macs,
                    reading=one.reading.name,
                    number=one.number,
                    changes=texts,
                    fit=one.fit,
                    near=one.near,
                    slip=one.reading.slip,
                )
            )
        return tuple(kept)


def _alike(number: int, tally: Tally, reading: Reading) -> bool:
    """Whether the figure has too few digits to tell whether moving statistics are in it."""
    return 0 < number - reading.number(tally._replace(moving=0)) < reading.figure.unit


def _always(number: int, _: Tally) -> int:
    return number
