"""Figures by tables against a brute force that looks every block of every network up in the file."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archkit.budget import (
    Budget,
    Limit,
    Objective,
    candidates,
    count_within,
    histogram,
    largest,
    levels,
    pareto,
    relax,
    relaxations,
    sample,
    search,
    solve,
    stream,
)
from archkit.budget.counting import count_table
from archkit.budget.sampling import Sampler
from archkit.budget.sorting import rows_of_batches, sorted_batches
from archkit.budget.stage_tables import build_tables
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import fitting, small_spaces
from tests.budget.tables import budgets_with_tables
from tests.budget.test_best import score
from tests.strategies import share

Space = tuple[str, list[ArchSpec]]
front = sys.modules["archkit.budget.pareto"]


@given(small_spaces(), st.data())
@settings(max_examples=share(0.4))
def test_counts_lists_and_samples(space: Space, data: st.DataObject) -> None:
    text, networks = space
    parsed = parse_space(text)
    budget, table = data.draw(budgets_with_tables(text, networks))
    expected = fitting(budget, table)
    assert count_within(parsed, budget) == len(expected)
    assert sum(n for _, _, n in histogram(parsed, budget, bins=3)) == len(expected)
    listed = [row.spec for row in candidates(parsed, budget)]
    assert len(listed) == len(expected)
    assert set(listed) == expected.keys()
    if expected:
        assert {row.spec for row in sample(parsed, budget, 20, seed=1)} <= expected.keys()
    order = Objective.read(data.draw(st.sampled_from(["latency", "least-latency"])), tables=budget.names)
    by_figure = sorted((row["latency"] for row in expected.values()), reverse=order.most)
    n = data.draw(st.sampled_from([1, 5, None]))
    first, seen = largest(parsed, budget, n, by="latency", least=not order.most)
    assert seen == len(expected)
    assert [expected[row.spec]["latency"] for row in first] == by_figure[:n]
    scale = 10 ** budget.tables[budget.names.index("latency")].decimals
    rows = list(rows_of_batches(sorted_batches(parsed, budget, order)))
    assert [row[-1] for row in rows] == [value / scale for value in by_figure]


@given(small_spaces(), st.data())
@settings(max_examples=share(0.4))
def test_every_number_has_a_network_of_its_own(space: Space, data: st.DataObject) -> None:
    text, networks = space
    parsed = parse_space(text)
    given_, table = data.draw(budgets_with_tables(text, networks, most=0))
    figures = sorted(row["latency"] for row in table.values()) or [0]
    high = data.draw(st.sampled_from(figures))
    limit = Limit(data.draw(st.sampled_from([None, *(f for f in figures if f <= high)])), high)
    budget = Budget(tables=given_.tables).replace(latency=limit)
    numbered = []
    for combination, stages in parsed.skeletons():
        tables = build_tables(parsed, combination, stages, budget, also=("latency",))
        counted = count_table(tables, "latency", limit, keep=True)
        sampler = Sampler(counted)
        numbered += [str(parsed.spec(combination, *sampler.network(i))) for i in range(counted.total)]
    expected = fitting(budget, table)
    assert len(numbered) == len(expected)
    assert set(numbered) == expected.keys()


# Whether a small space is solved as a large one is: after coarser ones, by prices, a few at a time.
@pytest.mark.parametrize("as_large", [False, True])
@given(small_spaces(), st.data())
@settings(max_examples=share(0.4), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_best(monkeypatch: pytest.MonkeyPatch, as_large: bool, space: Space, data: st.DataObject) -> None:
    if as_large:
        for name, value in (("_SMALL", 0), ("_COARSER", 2), ("_BLOCK", 7), ("_TOGETHER", 2), ("_NEW", 5)):
            monkeypatch.setattr(levels, name, value)
        for name, value in (("_PIECES", 2), ("_WORTH_PIECES", 1), ("_CELLS", 4)):
            monkeypatch.setattr(stream, name, value)
        for name, value in (("_ROWS", 3), ("_CELLS", 8)):
            monkeypatch.setattr(search, name, value)
    text, networks = space
    budget, table = data.draw(budgets_with_tables(text, networks))
    by = data.draw(st.sampled_from(["latency", "least-latency", "least-latency", "params", "capacity"]))
    objective = Objective.read(by, tables=budget.names)
    scale = 1
    if objective.name == "latency":
        scale = 10 ** budget.tables[budget.names.index("latency")].decimals
    expected = fitting(budget, table)
    values = {
        spec: score(row) if by == "capacity" else row[objective.name] / scale
        for spec, row in expected.items()
    }
    n = data.draw(st.sampled_from([1, 4, 1_000]))
    found = solve(parse_space(text), budget, objective, n)
    assert found.exact
    best = sorted(values.values(), reverse=objective.most)[:n]
    assert [row.value for row in found.networks] == pytest.approx(best, rel=1e-12)
    assert all(row.value == pytest.approx(values[row.network.spec], rel=1e-12) for row in found.networks)
    assert len({row.network.spec for row in found.networks}) == len(found.networks)


@given(small_spaces(), st.data())
@settings(max_examples=share(0.4))
def test_fronts(space: Space, data: st.DataObject) -> None:
    text, networks = space
    budget, table = data.draw(budgets_with_tables(text, networks))
    names = data.draw(
        st.sampled_from([("latency",), ("latency", "params"), ("macs", "latency"), ("latency", "depth")])
    )
    directions = tuple((name, data.draw(st.booleans())) for name in names)

    def point(row: dict[str, int]) -> tuple[int, ...]:
        return tuple(-row[name] if most else row[name] for name, most in directions)

    rows = fitting(budget, table)
    points = {point(row) for row in rows.values()}
    expected = {
        p
        for p in points
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)
    }
    for walked in (10**9, -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(front, "_WALKED", walked)
            found = pareto(parse_space(text), budget, directions)
        assert [point(rows[row.spec]) for row in found] == sorted(expected)


@pytest.mark.parametrize("effort", [None, 0], ids=["by the search", "by fronts"])
@given(space=small_spaces(), data=st.data())
@settings(max_examples=share(0.4), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_would_let_something_in(
    space: Space, data: st.DataObject, effort: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if effort is not None:
        monkeypatch.setattr(relax, "_EFFORT", effort)
    text, networks = space
    if not networks:
        return
    budget, table = data.draw(budgets_with_tables(text, networks))
    found = {(one.figure, one.upper): one for one in relaxations(parse_space(text), budget)}
    for name, limit in budget.limited():
        for upper in (True, False):
            if (limit.high if upper else limit.low) is None:
                assert (name, upper) not in found
                continue
            without = budget.replace(**{name: Limit(limit.low, None) if upper else Limit(None, limit.high)})
            values = [row[name] for row in fitting(without, table).values()]
            one = found[name, upper]
            assert one.exact
            nearest = (min if upper else max)(values) if values else None
            assert one.value == (None if nearest is None else budget.amount(name, nearest))
            if one.spec is not None:
                assert table[one.spec][name] == nearest
                assert without.fits(parse(one.spec))
