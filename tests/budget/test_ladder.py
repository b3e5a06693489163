"""The best at several MACs, against a list of all networks."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import Budget, Objective, capacity, ladder
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import budgets, fitting, small_spaces
from tests.strategies import share


@given(small_spaces(), st.data())
@settings(max_examples=share(0.6))
def test_each_rung_is_the_best_of_a_list(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    budget, table = data.draw(budgets(networks))
    fit = fitting(budget, table)
    rungs = ladder(parse_space(text), budget)
    assert bool(rungs) == bool(fit)
    assert [rung.macs for rung in rungs] == sorted({rung.macs for rung in rungs})
    for rung in rungs:
        (row,) = rung.best.networks
        within = [spec for spec, figures in fit.items() if figures["macs"] <= rung.macs]
        assert row.network.spec in within
        assert row.value == pytest.approx(max(capacity(parse(spec)) for spec in within))
    if rungs:
        best = rungs[-1].best.networks[0].value
        assert best == pytest.approx(max(capacity(parse(spec)) for spec in fit))


def test_what_holds_each_rung() -> None:
    space = parse_space("[1..3]*2x[{8,16}]")
    rungs = ladder(space, Budget())
    # 8 and 16 channels in either stage, 1 to 3 blocks: the last is the largest of the 36.
    assert rungs[-1].best.networks[0].network.spec == "[3,3]x[16,16]"
    assert rungs[-1].largest
    assert rungs[-1].held_by() == "the space: every stage is at its most"
    for rung in rungs[:-1]:
        spec = parse(rung.best.networks[0].network.spec)
        assert rung.limits == ("max-macs",)
        assert rung.deepest == tuple(i for i, n in enumerate(spec.blocks, 1) if n == 3)


def test_a_stem_that_the_space_gives_stays_as_it_is() -> None:
    """The only neighbour, 20 wide behind a stem of 16, fits the MACs: 6,082,312 by `archkit count`."""
    space = parse_space("[1]x[{16,20}] stem=16 input=3x29x29")
    first = ladder(space, Budget.read({"max_params": 7593}))[0]
    assert (first.macs, first.best.networks[0].network.spec) == (6_250_000, "[1]x[16] input=3x29x29")
    assert first.limits == ("max-params",)


def test_the_ladder_doubles() -> None:
    rungs = ladder(parse_space("[1..4]*3x[16..128:16]"), Budget.read({"max_params": "1M"}))
    assert rungs[0].macs == 50_000_000
    assert all(b.macs == 2 * a.macs for a, b in pairwise(rungs))
    values = [rung.best.networks[0].value for rung in rungs]
    assert values == sorted(values)


def test_a_ladder_by_another_objective() -> None:
    space, budget = parse_space("[1..2]*2x[8..24:8]"), Budget.read({"max_params": "20k"})
    for rung in ladder(space, budget, Objective.read("depth")):
        within = (
            spec
            for ns in product((1, 2), repeat=2)
            for cs in product((8, 16, 24), repeat=2)
            if budget.fits(spec := ArchSpec.make(ns, cs))
        )
        most = max(f["depth"] for f in map(budget.figures, within) if f["macs"] <= rung.macs)
        assert rung.best.networks[0].value == most


def test_nothing_fits_and_no_end() -> None:
    assert ladder(parse_space("[1]x[8]"), Budget.read({"max_params": "10"})) == ()
    with pytest.raises(BudgetError, match="no upper end"):
        ladder(parse_space("[1..]x[8]"), Budget())
