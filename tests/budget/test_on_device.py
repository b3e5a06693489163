"""Limits on arena and flash, against every network of small spaces counted by itself.

What `device_memory` counts is held to TensorFlow Lite Micro's own interpreter in tests/export/test_tflm.py.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from math import prod
from pathlib import Path
from tomllib import loads

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archkit.budget import (
    Budget,
    FairSample,
    Limit,
    Objective,
    candidates,
    capacity,
    count_within,
    estimate_within,
    first,
    headroom,
    histogram,
    pareto,
    read_budget,
    relaxations,
    sample,
    solve,
    within,
)
from archkit.budget.listing import chunks
from archkit.budget.output import write_candidates
from archkit.count import count
from archkit.count.memory import chain_peak
from archkit.count.tflm import (
    DATA_TYPES,
    OWN_TAIL,
    DeviceMemory,
    device_memory,
    file_size,
    flash_at_most,
    least_of,
    lower,
)
from archkit.errors import BudgetError, ExportError
from archkit.plan import layout
from archkit.spec import ArchSpec, parse, parse_space
from tests.conftest import Cli
from tests.strategies import share, specs

SPACES = (
    "[1..2]*2x[8..24:8] block={basic,depthwise} input=1x32x32",
    "[1..3]*2x[8..24:8] block=mbconv act=relu6 se={none,input} input=3x24x24 order=nondecreasing",
    "[{1,3}]*2x[{4,12,20}] block=bottleneck stem={conv3,conv7} shortcut=pad input=1x20x28",
)

_EXAMPLES = share(0.12)


@cache
def every(space: str, values: str) -> tuple[tuple[ArchSpec, DeviceMemory], ...]:
    """All networks of a space, and what each takes."""
    found = (parse(row.spec) for row in candidates(parse_space(space), Budget()))
    return tuple((spec, device_memory(spec, values=values)) for spec in found)


@st.composite
def limited(draw: st.DrawFn) -> tuple[str, Budget, list[ArchSpec]]:
    """A space, limits that stand at or between figures of its networks, and those that keep to them."""
    space = draw(st.sampled_from(SPACES))
    values = draw(st.sampled_from(DATA_TYPES))
    networks = every(space, values)
    limits = {}
    for name in draw(st.sampled_from([("arena",), ("flash",), ("arena", "flash")])):
        figures = sorted(getattr(one, name) for _, one in networks)
        low, high = sorted(draw(st.tuples(st.sampled_from(figures), st.sampled_from(figures))))
        high += draw(st.integers(-1, 1))
        low = min(low, high)
        limits[name] = draw(st.sampled_from([Limit(None, high), Limit(low, high), Limit(low, None)]))
    params = draw(st.sampled_from([None, *sorted(count_of(spec) for spec, _ in networks)]))
    budget = Budget(**limits, params=Limit(None, params), values=values)
    fit = [
        spec
        for spec, one in networks
        if budget.arena.allows(one.arena)
        and budget.flash.allows(one.flash)
        and (params is None or count_of(spec) <= params)
    ]
    return space, budget, fit


@cache
def count_of(spec: ArchSpec) -> int:
    return count(spec).params


@settings(max_examples=_EXAMPLES, suppress_health_check=list(HealthCheck))
@given(limited())
def test_lists_counts_and_samples_are_those_of_a_brute_force(
    given_: tuple[str, Budget, list[ArchSpec]],
) -> None:
    space, budget, fit = given_
    parsed = parse_space(space)
    texts = [str(spec) for spec in fit]
    assert [row.spec for row in candidates(parsed, budget)] == texts
    assert count_within(parsed, budget) == len(texts)
    assert sum(n for _, _, n in histogram(parsed, budget, bins=3)) == len(texts)
    listed = first(parsed, budget, Objective.read("params"), 3)
    assert listed.within == len(texts)
    assert {row.spec for row in listed.networks} <= {*texts}
    if texts:
        assert {row.spec for row in sample(parsed, budget, 8, seed=1)} <= {*texts}


@settings(max_examples=_EXAMPLES, suppress_health_check=list(HealthCheck))
@given(limited(), st.sampled_from(["capacity", "macs", "least-params", "peak-memory", "entropy"]))
def test_the_best_are_those_of_a_brute_force(given_: tuple[str, Budget, list[ArchSpec]], by: str) -> None:
    space, budget, fit = given_
    found = solve(parse_space(space), budget, Objective.read(by, max_rho=100), 4)
    assert found.exact
    texts = {str(spec) for spec in fit}
    assert {row.network.spec for row in found.networks} <= texts
    assert len(found.networks) == min(4, len(texts))
    figure = {
        "capacity": capacity,
        "macs": lambda spec: budget.figures(spec)["macs"],
        "least-params": lambda spec: -count_of(spec),
        "peak-memory": lambda spec: budget.figures(spec, also=("peak_memory",))["peak_memory"],
    }
    if by in figure:
        want = sorted(map(figure[by], fit), reverse=True)[:4]
        sign = -1 if by.startswith("least") else 1
        assert [sign * row.value for row in found.networks] == pytest.approx(want)


@settings(max_examples=_EXAMPLES // 2, suppress_health_check=list(HealthCheck))
@given(limited())
def test_fronts_are_those_of_a_brute_force(given_: tuple[str, Budget, list[ArchSpec]]) -> None:
    space, budget, fit = given_
    points = {(-cost["macs"], cost["params"]) for cost in map(budget.figures, fit)}
    want = {p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)}
    found = pareto(parse_space(space), budget, (("params", False), ("macs", True)))
    assert {(-row.macs, row.params) for row in found} == want


def test_a_space_without_end_ends_where_the_flash_does() -> None:
    space = parse_space("[1..]*2x[8] input=1x16x16")
    budget = Budget.read({"max_flash": "16k"})
    found = [parse(row.spec) for row in candidates(space, budget)]
    deepest = max(max(spec.blocks) for spec in found)
    brute = [
        spec
        for row in candidates(parse_space(f"[1..{deepest + 2}]*2x[8] input=1x16x16"), Budget())
        if device_memory(spec := parse(row.spec)).flash <= 16_000
    ]
    assert [*map(str, found)] == [*map(str, brute)]


@settings(suppress_health_check=list(HealthCheck))
@given(specs(max_size=24, widths=(1, 40), max_blocks=3))
def test_bounds_are_on_their_side(spec: ArchSpec) -> None:
    plan = layout(spec)
    for values in DATA_TYPES:
        try:
            exact = device_memory(spec, values=values)
        except ExportError:
            continue
        entered, parts = prod(plan.spec.input), []
        for _, nodes in plan.parts():
            parts.append(least_of(nodes, entered, values))
            entered = chain_peak(nodes, entered)[1]
        assert max(one.head for one in parts) <= exact.head
        assert OWN_TAIL + sum(one.tail for one in parts) <= exact.tail
        graph = lower(plan)
        assert sum(one.flash for one in parts) <= file_size(graph, values) <= flash_at_most(graph, values)


def test_bounds_are_close_where_it_matters() -> None:
    """Of the networks that MLPerf Tiny ships for images: the tables would hardly do if they were not."""
    plan = layout("[1,1,1]x[16,32,64]")
    exact = device_memory(plan.spec)
    least = sum(least_of(nodes, 0, "int8").flash for _, nodes in plan.parts())
    assert least / exact.flash > 0.95
    assert flash_at_most(lower(plan), "int8") / exact.flash < 1.03


@pytest.mark.parametrize("name", ["arena", "flash"])
def test_what_would_let_one_in(name: str) -> None:
    space = SPACES[0]
    nearest = min(getattr(one, name) for _, one in every(space, "int8"))
    budget = Budget.read({f"max_{name}": nearest - 1})
    (found,) = relaxations(parse_space(space), budget)
    assert (found.value, found.exact) == (nearest, True)
    assert getattr(device_memory(found.spec), name) == nearest


@pytest.mark.parametrize("name", ["arena", "flash"])
def test_in_a_large_space_what_would_let_one_in_is_no_proof(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archkit.budget.relax._LOOKED_AT", 3)
    (found,) = relaxations(parse_space(SPACES[0]), Budget.read({f"max_{name}": 1_000}))
    assert not found.exact
    assert getattr(device_memory(found.spec), name) == found.value


def test_more_than_can_be_looked_at_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    space = parse_space(SPACES[0])
    middle = sorted(one.arena for _, one in every(SPACES[0], "int8"))[len(every(SPACES[0], "int8")) // 2]
    budget = Budget.read({"max_arena": middle})
    exact = count_within(space, budget)
    monkeypatch.setattr(within, "_LOOKED_AT", 10)
    with pytest.raises(BudgetError, match="looks at each, 10 at most"):
        count_within(space, budget)
    found = estimate_within(space, budget, draws=500)
    assert found.low <= exact <= found.high <= found.most
    drawn = [parse(row.spec) for row in sample(space, budget, 30)]
    assert all(device_memory(spec).arena <= middle for spec in drawn)
    with pytest.raises(BudgetError, match="looks at each"):
        pareto(space, budget, (("params", False), ("macs", True)))


def test_a_sample_of_what_hardly_ever_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(within, "_LOOKED_AT", 1)
    monkeypatch.setattr(within, "_DRAWN", 100)
    low = max(one.flash for _, one in every(SPACES[0], "int8")) + 1
    with pytest.raises(BudgetError, match="none does"):
        sample(parse_space(SPACES[0]), Budget.read({"min_flash": low}), 1)


def test_lists_have_the_exact_figures(tmp_path: Path) -> None:
    budget = Budget.read({"max_arena": "40k", "max_flash": "60k"})
    also = ("arena", "flash")
    seen = 0
    for chunk in chunks(parse_space(SPACES[0]), budget, also=also):
        for row, arena, flash in zip(chunk.candidates(), *map(chunk.figure, also), strict=True):
            one = device_memory(row.spec)
            assert (arena, flash) == (one.arena, one.flash)
            seen += 1
    assert seen == count_within(parse_space(SPACES[0]), budget)
    assert write_candidates(candidates(parse_space(SPACES[0]), budget), tmp_path / "a.csv") == seen


def test_what_a_network_leaves() -> None:
    budget = Budget.read({"max_arena": "64k", "max_flash": "256k"})
    left = {one.figure: one.left for one in headroom("[1,1,1]x[16,32,64]", budget).left}
    assert left == {"arena": 64_000 - 56_000, "flash": 256_000 - 86_724}  # the page's figures


def test_a_certificate_keeps_the_limits() -> None:
    budget = Budget.read({"max_flash": "60k", "values": "int16x8"})
    fair = FairSample.plan(
        parse_space(SPACES[0]), budget, seed=3, top=Decimal("0.1"), confidence=Decimal("0.95")
    )
    assert fair.fit == sum(one.flash <= 60_000 for _, one in every(SPACES[0], "int16x8"))
    again = FairSample.from_mapping(loads(fair.to_toml())["certificate"])
    assert again == fair
    assert all(device_memory(row.spec, values="int16x8").flash <= 60_000 for row in again.networks())


def test_a_budget_file_has_them(tmp_path: Path) -> None:
    file = tmp_path / "board.toml"
    file.write_text('[limits]\nmax_arena = "64k"\nmax_flash = 256_000\nvalues = "float32"\n')
    budget = read_budget(file).budget
    assert (budget.arena, budget.flash, budget.values) == (
        Limit(None, 64_000),
        Limit(None, 256_000),
        "float32",
    )
    file.write_text('[limits]\nvalues = "int4"\n')
    with pytest.raises(BudgetError, match="values must be one of float32, int8, int16x8, not 'int4'"):
        read_budget(file)


def test_what_the_device_has_no_operator_for_is_refused() -> None:
    space = parse_space("[1..2]*2x[8..16:8] norm={batch,group:4}")
    with pytest.raises(ExportError, match="no operator for group norm"):
        count_within(space, Budget.read({"max_arena": "64k"}))


def test_the_commands_take_them(cli: Cli) -> None:
    limits = ("--max-arena", "40k", "--max-flash", "60k", "--json")
    listed = [json.loads(line) for line in cli("enumerate", SPACES[0], *limits).stdout.splitlines()]
    fit = {
        str(spec): one
        for spec, one in every(SPACES[0], "int8")
        if one.arena <= 40_000 and one.flash <= 60_000
    }
    assert {row["spec"]: (row["arena"], row["flash"]) for row in listed} == {
        spec: (one.arena, one.flash) for spec, one in fit.items()
    }
    best = json.loads(cli("solve", SPACES[0], *limits, "--best", "1", "--extrapolate").stdout)
    assert best["value"] == pytest.approx(max(capacity(parse(spec)) for spec in fit))
    assert best["exact"]
