"""The best networks at several numbers of MACs, where a budget does not limit them.

A limit on parameters alone is a poor question: the more MACs a network may spend, the better it does, up to
absurd ones. The answers at 50M, 100M, 200M and so on show what each doubling buys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archkit.budget.best import Best, Watch, solve
from archkit.budget.limits import Budget, Limit
from archkit.budget.objective import Objective
from archkit.errors import SpecError
from archkit.html_tables import html_table
from archkit.spec import ArchSpec, SearchSpace, parse
from archkit.spec.space import Combination

__all__ = ["Rung", "ladder"]

EFFORT: Final = 20_000_000
"""How many partial networks are looked at for each number of MACs."""

_FIRST: Final = 50_000_000  # MACs of the lowest rung, if the space goes far enough beyond it
_LEAST: Final = 4  # rungs, if there are networks that small


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """The best network with at most so many MACs.

    Attributes:
        macs: the limit.
        best: the network, and what proves that no other is better.
        limits: the limits, as options, that keep every larger neighbour of it in the space out: one with
            one step more blocks, or one step more channels, in one stage.
        deepest: the stages, counted from 1, that have as many blocks as the space allows.
        largest: whether no neighbour in the space is larger.
    """

    macs: int
    best: Best
    limits: tuple[str, ...]
    deepest: tuple[int, ...]
    largest: bool

    def _repr_html_(self) -> str:
        """The network, and what keeps it from being larger, in a notebook."""
        return html_table(
            ("MACs at most", "spec", "params", "MACs", "activations", "depth", "objective"),
            [(self.macs, *one.network, one.value) for one in self.best.networks],
            notes=[f"held by {self.held_by()}", self.best.proof()],
        )

    def held_by(self) -> str:
        """What keeps it from being larger, in a few words."""
        if self.largest:
            return "the space: every stage is at its most"
        stages = ", ".join(map(str, self.deepest))
        blocks = f"blocks of stage{'s' if len(self.deepest) > 1 else ''} {stages} at their most"
        return "; ".join([", ".join(self.limits) or "the objective", *([blocks] if stages else [])])


def ladder(
    space: SearchSpace,
    budget: Budget,
    objective: Objective | None = None,
    *,
    effort: int = EFFORT,
    watch: Watch | None = None,
) -> tuple[Rung, ...]:
    """The best network at each of several numbers of MACs, the fewest first; none if nothing fits.

    They are 50M and its doublings up to the most that a network within `budget` has, and halves of 50M where
    that is little. A number that no network keeps to, or that changes nothing, is left out.

    Args:
        space: the space.
        budget: the limits; an upper limit on MACs ends the ladder.
        objective: what to rank by; capacity if none is given.
        effort: partial networks to look at for each number before giving up.
        watch: as in `solve`; it starts again for each number.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end.
    """
    most = solve(space, budget, Objective.read("macs"), 1, effort=effort, watch=watch)
    if not most.networks:
        return ()
    top = most.networks[0].network.macs if most.exact else int(most.open_bound or 0)
    found: list[Rung] = []
    low, high = budget.macs
    for step in _steps(top):
        macs = step if high is None else min(step, high)
        if low is not None and low > macs:
            continue
        within = budget.replace(macs=Limit(low, macs))
        best = solve(space, within, objective, 1, effort=effort, watch=watch)
        if not best.networks:
            continue
        spec = best.networks[0].network.spec
        limits, deepest, largest = _held(space, within, parse(spec))
        rung = Rung(macs=macs, best=best, limits=limits, deepest=deepest, largest=largest)
        if found and found[-1].best.networks[0].network.spec == spec:
            found.pop()  # twice the MACs change nothing
        found.append(rung)
    return tuple(found)


def _steps(top: int) -> Iterator[int]:
    """The numbers of MACs; the last is the first that is not below `top`."""
    step = _FIRST
    while step > 1 and step * 2 ** (_LEAST - 1) > top:
        step //= 2
    while step < top:
        yield step
        step *= 2
    yield step


def _held(
    space: SearchSpace, budget: Budget, spec: ArchSpec
) -> tuple[tuple[str, ...], tuple[int, ...], bool]:
    """`limits`, `deepest` and `largest` of a rung."""
    limits: dict[str, None] = {}
    deepest, neighbours = [], 0
    combination = _combination(space, spec)
    for i, (blocks, channels) in enumerate(space.by_stage(len(spec.blocks))):
        deeper = [n for n in blocks.upto(spec.blocks[i] + max(blocks.open_step, 1)) if n > spec.blocks[i]]
        deeper = deeper or [n for n in blocks.values if n > spec.blocks[i]][:1]
        if not deeper:
            deepest.append(i + 1)
        wider = [c for c in channels.values if c > spec.channels[i]][:1]
        changes = [(_with(spec.blocks, i, n), spec.channels) for n in deeper[:1]]
        changes += [(spec.blocks, _with(spec.channels, i, c)) for c in wider]
        for change in changes:
            if not _in_order(space, change[1]):
                continue
            try:
                neighbour = space.spec(combination, *change)
            except SpecError:
                continue  # such as when the groups do not divide the width
            neighbours += 1
            figures = budget.figures(neighbour)
            for end in budget.ends():
                if end.upper and figures[end.figure] > end.value:
                    limits[end.option] = None
    return tuple(limits), tuple(deepest), not neighbours


def _combination(space: SearchSpace, spec: ArchSpec) -> Combination:
    """The options of a network in a space; its text leaves out a stem that is as wide as the first stage."""

    def made(combination: Combination) -> ArchSpec | None:
        try:
            return space.spec(combination, spec.blocks, spec.channels)
        except SpecError:
            return None

    return next(one for one in space.combinations if made(one) == spec)


def _with(numbers: tuple[int, ...], i: int, number: int) -> tuple[int, ...]:
    return (*numbers[:i], number, *numbers[i + 1 :])


def _in_order(space: SearchSpace, channels: tuple[int, ...]) -> bool:
    return all(space.allows(a, b) for a, b in pairwise(channels))
