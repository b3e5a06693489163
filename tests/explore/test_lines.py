"""What stands beside the lines: held against every network of a space, written down one by one."""

from __future__ import annotations

from itertools import product

import pytest

from archkit.budget import Budget, Limit, candidates
from archkit.explore import lines as module
from archkit.explore.lines import Line, count_at_stops, lines_of
from archkit.spec import parse, parse_space
from tests.explore.space import LIMITS, SPACE

BUDGETS = [
    LIMITS,
    {"max_params": "60k", "max_macs": "8M"},
    {"max_depth": 9, "min_params": "9k"},
    {"max_peak_memory": "128KiB", "max_params": "90k", "max_macs": "20M", "max_depth": 10},
]


def every(budget: Budget) -> list[dict[str, int]]:
    """What each network within a budget costs, counted one at a time."""
    return [
        budget.figures(parse(one.spec), also=("peak_memory",))
        for one in candidates(parse_space(SPACE), budget)
    ]


@pytest.mark.parametrize("limits", BUDGETS, ids=str)
@pytest.mark.parametrize("listed", [True, False], ids=["listed", "counted"])
def test_every_number_is_the_count(limits, listed, monkeypatch):
    if not listed:
        monkeypatch.setattr(module, "_LISTED", 0)
        monkeypatch.setattr(module, "_STOPS", {1: 12, 2: 6, 3: 4})
    space, budget = parse_space(SPACE), Budget.read(limits)
    lines = lines_of(space, budget, seconds=5)
    counts = count_at_stops(space, budget, lines)
    costs = every(budget)
    combinations = list(product(*(line.stops for line in lines)))
    assert len(counts) == len(combinations)
    for stops, count in list(zip(combinations, counts, strict=True))[:: max(1, len(counts) // 60)]:
        fit = [
            cost
            for cost in costs
            if all(cost[line.figure] <= stop for line, stop in zip(lines, stops, strict=True))
        ]
        assert count == len(fit), stops
    assert counts[-1] == len(costs)


def test_the_lines_are_the_limits_then_parameters_and_macs():
    space = parse_space(SPACE)
    named = {
        tuple(limits): [(line.figure, line.given) for line in lines_of(space, Budget.read(limits), seconds=5)]
        for limits in BUDGETS
    }
    assert list(named.values()) == [
        [("params", True), ("macs", False)],
        [("params", True), ("macs", True)],
        [("depth", True), ("params", False), ("macs", False)],
        [("params", True), ("macs", True), ("depth", True)],
    ]


def test_a_line_ends_at_its_limit_or_at_the_most():
    budget = Budget.read(LIMITS)
    params, macs = lines_of(parse_space(SPACE), budget, seconds=5)
    costs = every(budget)
    assert params.stops[-1] == 90_000
    assert macs.stops[-1] == max(cost["macs"] for cost in costs)
    for line in (params, macs):
        assert list(line.stops) == sorted(set(line.stops))
        least = min(cost[line.figure] for cost in costs)
        assert least <= line.stops[0] <= 1.01 * least  # something fits at the first stop


def test_a_number_has_as_many_digits_as_it_needs():
    """A space far too large to be listed: the count is that of `count_within`, in Python's integers."""
    from archkit.budget import count_within

    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    budget = Budget.read({"max_params": "5e6"})
    line = Line(figure="params", stops=(300_000, 5_000_000), given=True)
    few, all_ = count_at_stops(space, budget, [line])
    assert all_ == 26_108_878_089_825
    assert few == count_within(space, budget.replace(params=Limit(None, 300_000)))


def test_stops_are_as_many_as_there_is_time_for():
    space, budget = (
        parse_space("[1..9]*3..4x[16..320:16] order=nondecreasing"),
        Budget.read({"max_params": "1M"}),
    )
    quick = lines_of(space, budget, seconds=0)
    assert all(2 <= len(line.stops) <= 4 for line in quick)
