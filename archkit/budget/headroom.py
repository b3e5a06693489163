"""What a network leaves of a budget, and what single changes to it cost and gain."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from archkit.budget.limits import Budget
from archkit.budget.objective import entropy
from archkit.errors import BudgetError, SpecError
from archkit.html_tables import html_table
from archkit.spec import ArchSpec, as_spec

__all__ = ["Change", "Headroom", "Left", "headroom"]

_STEP: Final = 8  # channels by which a stage is widened; hardware likes multiples of 8


class Left(NamedTuple):
    """One end of one limit, and how much of its figure the network uses.

    Both are decimals where a table gives the figure; `counted` is what it counts, in words.
    """

    figure: str
    upper: bool
    limit: int | Decimal
    used: int | Decimal
    counted: str

    @property
    def left(self) -> int | Decimal:
        """What is left up to the end; negative if the limit is broken."""
        return self.limit - self.used if self.upper else self.used - self.limit

    def __str__(self) -> str:
        """In words, such as `1,024 parameters left` or `1,024 parameters too many`."""
        side = "left" if self.left >= 0 else "too many" if self.upper else "too few"
        return f"{abs(self.left):,} {self.counted} {side}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A single change to a network.

    Attributes:
        text: what is changed.
        spec: the changed network.
        params: how many parameters the change adds.
        macs: how many MACs it adds.
        gain: what it adds to DeepMAD's entropy.
        fits: whether the changed network keeps to every limit.
    """

    text: str
    spec: ArchSpec
    params: int
    macs: int
    gain: float
    fits: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Headroom:
    """What is left of each limit, and every single change, the one with the fewest parameters first."""

    left: tuple[Left, ...]
    changes: tuple[Change, ...]

    def _repr_html_(self) -> str:
        """What is left, and the changes, in a notebook."""
        return html_table(
            ("change", "params", "MACs", "entropy", "fits"),
            [(one.text, one.params, one.macs, one.gain, one.fits) for one in self.changes],
            notes=map(str, self.left),
        )

    @property
    def fitting(self) -> tuple[Change, ...]:
        """The changes that keep to every limit, the cheapest first."""
        return tuple(change for change in self.changes if change.fits)

    @property
    def best(self) -> Change | None:
        """The change that raises the entropy most and fits, or None if none raises it."""
        best = max(self.fitting, key=lambda change: change.gain, default=None)
        return best if best is not None and best.gain > 0 else None


def headroom(spec: ArchSpec | str, budget: Budget) -> Headroom:
    """What `spec` leaves of `budget`, and its single changes: one more block or 8 more channels in a stage.

    Changes that lead to blocks for which a table of the budget has no cost are left out.

    >>> found = headroom("[1,1,1]x[16,32,64]", Budget.read({"max_params": "100k"}))
    >>> found.left[0].left, found.changes[0].text, found.changes[0].params
    (21958, 'one more block in stage 1', 4672)
    """
    spec = as_spec(spec)
    now, score = budget.figures(spec), entropy(spec)
    left = tuple(
        Left(
            end.figure,
            end.upper,
            budget.amount(end.figure, end.value),
            budget.amount(end.figure, now[end.figure]),
            budget.words(end.figure),
        )
        for end in budget.ends()
    )
    changes = []
    for text, changed in _changes(spec):
        try:
            then = budget.figures(changed)
        except BudgetError:
            continue  # a table does not know the new blocks
        changes.append(
            Change(
                text=text,
                spec=changed,
                params=then["params"] - now["params"],
                macs=then["macs"] - now["macs"],
                gain=entropy(changed) - score,
                fits=all(budget.limit(name).allows(value) for name, value in then.items()),
            )
        )
    return Headroom(left=left, changes=tuple(sorted(changes, key=lambda change: change.params)))


def _changes(spec: ArchSpec) -> list[tuple[str, ArchSpec]]:
    """Every single change, and the network that it makes, unless there is no such network."""
    found = []
    for i in range(len(spec.blocks)):
        deeper = tuple(n + (j == i) for j, n in enumerate(spec.blocks))
        wider = tuple(c + _STEP * (j == i) for j, c in enumerate(spec.channels))
        for text, fields in (
            (f"one more block in stage {i + 1}", {"blocks": deeper}),
            (f"{_STEP} more channels in stage {i + 1}", {"channels": wider}),
        ):
            try:
                found.append((text, spec.replace(**fields)))
            except SpecError:
                continue  # such as when the groups do not divide the width
    return found
