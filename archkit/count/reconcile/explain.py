"""`reconcile`: the variants and readings that fit a figure, the simplest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log
from typing import Any, Final

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
_NOT_OPERATIONS: Final = ("params", "trainable params", "activations", "acts")
_FAR: Final = 20  # times as much: no three changes do that
_MANY: Final = 50
_FEW: Final = 10_000  # a figure with fewer digits than this fits some network near by, whatever it is


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
    'parameters + moving statistics'

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
    if decided is not None:
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
        self._found: dict[Any, tuple[tuple[Any, ...], Explanation]] = {}

    def variants(self, quantity: Quantity, *, slips: bool = True) -> tuple[Explanation, ...]:
        """The variants and readings that fit."""
        plain = plain_readings(self._figure, quantity)
        others = other_readings(self._figure, quantity)
        self._found = {}
        if not self._try((), plain):
            self._try((), others)
            self._tools((), quantity)
        for n in range(1, self._max + 1):
            for changes in self._all.combined(n):
                if not self._try(changes, plain) and n <= 2 and not self._as_written:
                    self._try(changes, others)
            # Where every digit fits, or many variants do, more changes would be chance.
            if len(self._found) >= (1 if self._figure.unit <= 1 else _MANY) and self._changed:
                break
        if not self._found:
            for change in self._all.single if self._max else ():
                self._tools((change,), quantity)
        if slips and not self._as_written:
            self._try((), moved_point(self._figure, quantity))
        return self._ranked()

    def nearby(self, quantity: Quantity) -> tuple[Explanation, ...]:
        """The networks near by that fit, if the figure has digits enough to tell them from others."""
        plain = plain_readings(self._figure, quantity)
        self._found = {}
        if self._figure.value < _FEW * self._figure.unit / 10:
            return ()
        changes = list(near(self._all.spec))
        for change in changes:
            self._try((change,), plain, near=True)
        if self._figure.unit <= 1 and not self._found:
            conventions = [one for one in self._all.single if one.weight <= 10]
            for change in changes:
                for one in conventions:
                    self._try((change, one), plain, near=True)
        for name, spec in named():
            self._one(spec, (Change("", None, name, 25),), totals(spec), plain)
        return self._ranked()

    @property
    def _changed(self) -> bool:
        """Whether a variant with a change was kept."""
        return any(one.changes for _, one in self._found.values())

    @property
    def _as_written(self) -> bool:
        """Whether the spec as it was written prints so: nothing else about the figure needs explaining."""
        return any(not one.changes and not one.slip for _, one in self._found.values())

    def _try(self, changes: tuple[Change, ...], readings: Iterable[Reading], *, near: bool = False) -> bool:
        """Whether a combination of changes fits in one of the readings; it is kept then."""
        tally = self._all.tally(changes)
        for reading in readings:
            if len(changes) > reading.most_changes:
                continue
            number = reading.number(tally)
            fit = reading.figure.fit(number)
            if fit is None or (fit == "cut" and not reading.cut) or self._alike(number, tally, reading):
                continue
            spec = self._all.make(changes)
            if spec is not None:
                self._keep(spec, changes, tally, reading, number, fit, near=near)
                return True
        return False

    @staticmethod
    def _alike(number: int, tally: Tally, reading: Reading) -> bool:
        """Whether the figure has too few digits to tell whether moving statistics are in it."""
        return 0 < number - reading.number(tally._replace(moving=0)) < reading.figure.unit

    def _tools(self, changes: tuple[Change, ...], quantity: Quantity) -> None:
        """Keeps the figures of other tools that fit."""
        tally, value = self._all.tally(changes), self._figure.value
        # No tool prints less than the MACs or much more than once or twice as many: most need no plan.
        macs = tally.macs
        if quantity != "params" and not (macs <= value * 2 and value <= 3 * macs):
            return
        spec = self._all.make(changes)
        if spec is None:
            return
        plain = {tally.params} if quantity == "params" else {macs, 2 * macs}
        seen: dict[int, list[str]] = {}
        for who, what, number in figures(layout(spec)):
            counts_params = what in ("params", "trainable params")
            fits = counts_params if quantity == "params" else what not in _NOT_OPERATIONS
            if (
                fits
                and number not in plain
                and abs(number - min(plain, key=_away(number))) >= self._figure.unit
            ):
                seen.setdefault(number, []).append(f"{what} as {who} counts it")
        for number, names in seen.items():
            fit = self._figure.fit(number)
            if fit is not None and fit != "cut":
                reading = Reading(names[0], _TOOL_WEIGHT, lambda _: 0, self._figure, 1)
                self._keep(spec, changes, tally, reading, number, fit)

    def _one(
        self, spec: ArchSpec, changes: tuple[Change, ...], cost: Any, readings: Iterable[Reading]
    ) -> None:
        """Keeps a network near by if it fits in one of the readings."""
        tally = Tally(cost.params, cost.macs, 0)
        for reading in readings:
            number = reading.number(tally)
            fit = reading.figure.fit(number)
            if fit is not None:
                self._keep(spec, changes, tally, reading, number, fit, near=True)
                return

    def _keep(
        self,
        spec: ArchSpec,
        changes: tuple[Change, ...],
        tally: Tally,
        reading: Reading,
        number: int,
        fit: Fit,
        *,
        near: bool = False,
    ) -> None:
        rank = (
            sum(change.weight for change in changes) + reading.weight,
            _FITS.index(fit),
            abs(number - reading.figure.value),
        )
        key = spec, reading.name
        if key in self._found and self._found[key][0] <= rank:
            return
        self._found[key] = (
            rank,
            Explanation(
                spec=spec,
                params=tally.params,
                macs=tally.macs,
                reading=reading.name,
                number=number,
                changes=tuple(change.text for change in changes),
                fit=fit,
                near=near,
                slip=reading.slip,
            ),
        )

    def _ranked(self) -> tuple[Explanation, ...]:
        """What was kept, the simplest first; what adds a change and does not move the figure is dropped."""
        kept: list[Explanation] = []
        for _, one in sorted(self._found.values(), key=lambda pair: pair[0]):
            idle = any(
                (other.number, other.reading) == (one.number, one.reading)
                and set(other.changes) < set(one.changes)
                for other in kept
            )
            if not idle:
                kept.append(one)
        return tuple(kept)


def _away(number: int) -> Callable[[int], int]:
    return lambda other: abs(number - other)
