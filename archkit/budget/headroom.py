"""What a budget leaves beside a network, and which single changes still fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from archkit.budget.limits import Budget
from archkit.budget.objective import entropy
from archkit.count import totals
from archkit.errors import SpecError
from archkit.spec import ArchSpec

__all__ = ["Change", "Headroom", "Left", "headroom"]

_STEP = 8  # channels by which a stage is widened: the least that hardware likes


class Left(NamedTuple):
    """What is left of one upper limit; negative where it is broken."""

    figure: str
    limit: int
    used: int
    left: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A single change that still fits.

    Attributes:
        text: what is done.
        spec: the network that it gives.
        params: what it costs in parameters.
        macs: what it costs in MACs.
        gain: what it adds to DeepMAD's entropy.
    """

    text: str
    spec: ArchSpec
    params: int
    macs: int
    gain: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Headroom:
    """What is left of each upper limit, and the changes that fit, the cheapest in parameters first."""

    left: tuple[Left, ...]
    changes: tuple[Change, ...]

    @property
    def best(self) -> Change | None:
        """The change that raises the entropy most, or None where none raises it."""
        best = max(self.changes, key=lambda change: change.gain, default=None)
        return best if best is not None and best.gain > 0 else None


def headroom(spec: ArchSpec, budget: Budget) -> Headroom:
    """What `budget` leaves beside `spec`: one more block in a stage, or 8 more channels, where they fit.

    >>> from archkit.spec import parse
    >>> found = headroom(parse("[1,1,1]x[16,32,64]"), Budget.read({"max_params": "100k"}))
    >>> found.left[0].left, found.changes[0].text, found.changes[0].params
    (22058, 'one more block in stage 1', 4672)
    """
    cost = totals(spec)
    left = tuple(
        Left(name, limit.high, getattr(cost, name), limit.high - getattr(cost, name))
        for name, limit in budget.limited()
        if limit.high is not None
    )
    now, changes = entropy(spec), []
    for i in range(len(spec.blocks)):
        deeper = tuple(n + (j == i) for j, n in enumerate(spec.blocks))
        wider = tuple(c + _STEP * (j == i) for j, c in enumerate(spec.channels))
        for text, fields in (
            (f"one more block in stage {i + 1}", {"blocks": deeper}),
            (f"{_STEP} more channels in stage {i + 1}", {"channels": wider}),
        ):
            try:
                changed = spec.replace(**fields)
            except SpecError:
                continue  # no network has it, such as groups that do not divide
            then = totals(changed)
            if budget.allows(then):
                changes.append(
                    Change(
                        text=text,
                        spec=changed,
                        params=int(then.params - cost.params),
                        macs=int(then.macs - cost.macs),
                        gain=entropy(changed) - now,
                    )
                )
    return Headroom(left=left, changes=tuple(sorted(changes, key=lambda change: change.params)))
