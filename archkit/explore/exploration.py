"""`explore`: a space under a budget, looked at from several sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archkit.budget import Best, Budget, Limit, Objective, pareto, read_directions, sample, solve
from archkit.budget.guarded import solve_guarded
from archkit.budget.published import outside
from archkit.count.metrics import CAPACITY, FIGURES
from archkit.errors import BudgetError, NothingFitsError
from archkit.explore.lines import Line, count_at_stops, lines_of
from archkit.explore.points import KINDS, Point, costs_of, measured, on_device, published_like
from archkit.spec import SearchSpace, parse

__all__ = ["Exploration", "Watch", "explore"]

Watch = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""

_EFFORT: Final = 3_000_000.0  # points that are compared for the whole front: seconds
_RUNGS: Final = 8  # stops of a line at which the best network is sought
_SEARCH: Final = 20_000_000  # partial networks that are looked at for each
_MOST_FRONT: Final = 2_000  # networks of the front that are shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Exploration:
    """What the page shows of a space. Make one with `explore`.

    Attributes:
        space: the space.
        budget: the limits.
        objective: what the solver ranked by.
        points: the networks, each once.
        costs: what each costs, by figure (`archkit.count.metrics.FIGURES`, those of tables, the objective).
        lines: the limits that can be dragged.
        counts: how many networks fit at each combination of their stops, those of the last line one after
            another.
        draws: how often the fair sample has each of its networks.
        notes: sentences about what is shown, and what is not and why.
    """

    space: SearchSpace
    budget: Budget
    objective: Objective
    points: tuple[Point, ...]
    costs: tuple[dict[str, float | None], ...]
    lines: tuple[Line, ...]
    counts: tuple[int, ...]
    draws: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def fit(self) -> int:
        """How many networks of the space fit the budget."""
        return self.counts[-1]

    @property
    def drawn(self) -> int:
        """How many networks the fair sample has."""
        return sum(self.draws.values())

    @property
    def figures(self) -> tuple[str, ...]:
        """What can be an axis: the figures, those of tables, and the objective where it is none of them."""
        own = () if self.objective.whole else (self.objective.name,)
        return (*FIGURES, *on_device(self.budget), *self.budget.names, *own)


def explore(
    space: SearchSpace,
    budget: Budget,
    objective: Objective | None = None,
    *,
    draws: int = 2_000,
    seed: int = 0,
    best: int = 10,
    front: str = "params,+macs",
    runs: Iterable[Path | str] = (),
    seconds: float = 30.0,
    watch: Watch | None = None,
) -> Exploration:
    """A fair sample of what fits, the exact front, the best, and how many fit under tighter limits.

    >>> from archkit.spec import parse_space
    >>> found = explore(parse_space("[1..3]*2x[{8,16,32}]"), Budget.read({"max_params": "20k"}), draws=20)
    >>> found.fit, found.lines[0].stops[-1], found.lines[1].figure
    (37, 20000, 'macs')

    Args:
        space: the space.
        budget: the limits.
        objective: what the solver ranks by; capacity if none is given. By capacity, networks unlike every
            published one are left out, as `archkit solve` does.
        draws: how many networks the fair sample has.
        seed: of the sample.
        best: how many of the best networks to show.
        front: the figures of the front, as `archkit.budget.read_directions` takes them.
        runs: folders of finished runs, whose networks are shown too.
        seconds: about how long the counts at the lines' stops may take.
        watch: is told how far it is.

    Raises:
        BudgetError: neither the space nor the budget sets an upper end, or what fits cannot be counted.
        NothingFitsError: nothing fits.
        DataError: there is no finished run in `runs`.
    """
    objective = objective or Objective.read(CAPACITY)
    tell = watch or (lambda _what, _done, _total: None)
    of_runs, notes = measured(map(Path, runs))
    directions = read_directions(front, tables=budget.names)
    tell("drawing a fair sample", 0, draws)
    drawn = [one.spec for one in sample(space, budget, draws, seed=seed)]
    if not drawn:
        raise NothingFitsError("a fair sample needs at least one network")
    lines = lines_of(space, budget, seconds=seconds)
    counts = count_at_stops(
        space, budget, lines, watch=lambda done, total: tell("counting at the stops", done, total)
    )
    collected = _Collected()
    for spec in drawn:
        collected.add(Point(spec=spec, kind="sample"))
    tell("the front", 0, 1)
    notes = (*notes, *_add_front(collected, space, budget, directions, lines))
    tell("the best", 0, 1)
    _add_best(collected, space, budget, objective, best, lines)
    some = [parse(spec) for spec in drawn[:50]]
    for point in (*published_like(some, budget), *of_runs):
        collected.add(point)
    points = collected.points()
    costs = []
    for done, point in enumerate(points):
        costs.append(costs_of(point.spec, budget, objective))
        if not done % 100:
            tell("what the networks cost", done, len(points))
    return Exploration(
        space=space,
        budget=budget,
        objective=objective,
        points=points,
        costs=tuple(costs),
        lines=lines,
        counts=counts,
        draws=Counter(drawn),
        notes=notes,
    )


class _Collected:
    """Networks, each once, with the most telling of the kinds and all notes."""

    def __init__(self) -> None:
        self._found: dict[str, Point] = {}
        self._rank = {kind: i for i, kind in enumerate(KINDS)}

    def add(self, point: Point) -> None:
        old = self._found.get(point.spec)
        if old is None:
            self._found[point.spec] = point
            return
        first, second = sorted((old, point), key=lambda one: self._rank[one.kind], reverse=True)
        self._found[point.spec] = Point(
            spec=point.spec,
            kind=first.kind,
            notes=tuple(dict.fromkeys((*old.notes, *point.notes))),
            accuracy=first.accuracy if first.accuracy is not None else second.accuracy,
        )

    def points(self) -> tuple[Point, ...]:
        return tuple(sorted(self._found.values(), key=lambda one: self._rank[one.kind]))


def _add_front(
    collected: _Collected,
    space: SearchSpace,
    budget: Budget,
    directions: tuple[tuple[str, bool], ...],
    lines: tuple[Line, ...],
) -> Iterator[str]:
    """Adds the front, or where it takes too long some of it; says so if it is not the whole."""
    try:
        found = [one.spec for one in pareto(space, budget, directions, effort=_EFFORT)]
    except BudgetError:
        found = list(_front_at_stops(space, budget, directions, lines))
        said = f", which would take long in full, is shown at {len(found):,} limits"
        yield f"The front{said if found else ' is left out, since it would take long'}."
    words = " against ".join(
        f"{'most' if most else 'fewest'} {budget.words(name)}" for name, most in directions
    )
    for spec in found[:: -(-len(found) // _MOST_FRONT) or 1]:
        collected.add(Point(spec=spec, kind="front", notes=(f"on the exact front: {words}",)))
    if len(found) > _MOST_FRONT:
        yield f"The front has {len(found):,} networks, of which some are shown."


def _front_at_stops(
    space: SearchSpace,
    budget: Budget,
    directions: tuple[tuple[str, bool], ...],
    lines: tuple[Line, ...],
) -> Iterator[str]:
    """Networks of a front of two figures: at each stop of the first, what has most of the second there.

    Of several such networks, the one with the least of the first: so none is better in one and as good in the
    other.
    """
    stops = next((line.stops for line in lines if line.figure == directions[0][0]), ())
    if len(directions) != 2 or directions[0][1]:
        return
    (first, _), (second, most) = directions
    for stop in stops:
        low, high = budget.limit(first).low, budget.limit(second).high
        if low is not None and low > stop:
            continue
        within = budget.replace(**{first: Limit(low, stop)})
        best = solve(space, within, Objective(name=second, most=most), 1, effort=_SEARCH)
        if not best.networks or not best.exact:
            continue
        value = budget.figures(parse(best.networks[0].network.spec), also=(second,))[second]
        as_good = Limit(value, high) if most else Limit(budget.limit(second).low, value)
        within = within.replace(**{second: as_good})
        best = solve(space, within, Objective(name=first, most=False), 1, effort=_SEARCH)
        if best.networks and best.exact:
            yield best.networks[0].network.spec


def _add_best(
    collected: _Collected,
    space: SearchSpace,
    budget: Budget,
    objective: Objective,
    best: int,
    lines: tuple[Line, ...],
) -> None:
    """Adds the best networks within the budget, and the best one at some stops of each line."""
    for line in lines:
        picked = sorted({round(i * (len(line.stops) - 1) / _RUNGS) for i in range(1, _RUNGS)})
        for stop in (line.stops[i] for i in picked):
            within = budget.replace(**{line.figure: Limit(budget.limit(line.figure).low, stop)})
            low = within.limit(line.figure).low
            if low is not None and low > stop:
                continue
            for one in _exact(solve(space, within, objective, 1, effort=_SEARCH)):
                says = f"best by {objective.name} with at most {budget.amount(line.figure, stop):,} "
                notes = (says + budget.words(line.figure), *_guess(one, objective))
                collected.add(Point(spec=one, kind="stop", notes=notes))
    if objective.name == CAPACITY:
        found = solve_guarded(space, budget, objective, best).best
    else:
        found = solve(space, budget, objective, best, effort=_SEARCH)
    for place, one in enumerate(_exact(found), 1):
        says = f"number {place:,} of the best by {objective.name} within the budget"
        collected.add(Point(spec=one, kind="best", notes=(says, *_guess(one, objective))))


def _exact(found: Best) -> list[str]:
    """The best networks, if the solver proves that they are."""
    return [one.network.spec for one in found.networks] if found.exact else []


def _guess(spec: str, objective: Objective) -> tuple[str, ...]:
    """What is said of a network for which the objective was never judged."""
    unlike = objective.name == CAPACITY and outside(parse(spec))
    return ("unlike every published network: a guess",) if unlike else ()
