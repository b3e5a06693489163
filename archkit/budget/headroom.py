"""What a budget leaves beside a network, and what single changes cost and bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from archkit.budget.limits import Budget
from archkit.budget.objective import entropy
from archkit.errors import SpecError
from archkit.spec import ArchSpec

__all__ = ["Change", "Headroom", "Left", "headroom"]

_STEP: Final = 8  # channels by which a stage is widened: the least that hardware likes


class Left(NamedTuple):
    """One end of one limit, and what the network has of the figure."""

    figure: str
    upper: bool
    limit: int
    used: int

    @property
    def left(self) -> int:
        """What is left until the end; negative where the limit is broken."""
        return self.limit - self.used if self.upper else self.used - self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A single change.

    Attributes:
        text: what is done.
        spec: the network that it gives.
        params: what it costs in parameters.
        macs: what it costs in MACs.
        gain: what it adds to DeepMAD's entropy.
        fits: whether the network that it gives keeps to every limit.
    """

    text: str
    spec: ArchSpec
    params: int
    macs: int
    gain: float
    fits: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Headroom:
    """What is left of each limit, and every single change, the cheapest in parameters first."""

    left: tuple[Left, ...]
    changes: tuple[Change, ...]

    @property
    def fitting(self) -> tuple[Change, ...]:
        """The changes that keep to every limit, the cheapest first."""
        return tuple(change for change in self.changes if change.fits)

    @property
    def best(self) -> Change | None:
        """The change that fits and raises the entropy most, or None where none raises it."""
        best = max(self.fitting, key=lambda change: change.gain, default=None)
        return best if best is not None and best.gain > 0 else None


def headroom(spec: ArchSpec, budget: Budget) -> Headroom:
    """What `budget` leaves beside `spec`, and the changes: one more block in a stage, or 8 more channels.

    >>> from archkit.spec import parse
    >>> found = headroom(parse("[1,1,1]x[16,32,64]"), Budget.read({"max_params": "100k"}))
    >>> found.left[0].left, found.changes[0].text, found.changes[0].params
    (21958, 'one more block in stage 1', 4672)
    """
    now, score = budget.figures(spec), entropy(spec)
    left = tuple(
        Left(name, upper, end, now[name])
        for name, limit in budget.limited()
        for upper, end in ((True, limit.high), (False, limit.low))
        if end is not None
    )
    changes = []
    for text, changed in _changes(spec):
        then = budget.figures(changed)
        changes.append(
            Change(
                text=text,
                spec=changed,
                params=then["params"] - now["params"],
                macs=then["macs"] - now["macs"],
                gain=entropy(changed) - score,
                fits=budget.fits(changed),
            )
        )
    return Headroom(left=left, changes=tuple(sorted(changes, key=lambda change: change.params)))


def _changes(spec: ArchSpec) -> list[tuple[str, ArchSpec]]:
    """Every single change and the network that it gives, but those that no network has."""
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
                continue  # such as groups that do not divide the width
    return found
