from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import Budget, entropy, headroom, pareto, read_directions
from archkit.budget.tables import METRICS
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.test_listing import small_spaces


@given(small_spaces(), st.lists(st.sampled_from(METRICS), min_size=1, max_size=3, unique=True), st.data())
@settings(max_examples=100, deadline=None)
def test_against_brute_force(
    space: tuple[str, list[ArchSpec]], names: list[str], data: st.DataObject
) -> None:
    text, networks = space
    directions = tuple((name, data.draw(st.booleans())) for name in names)
    points = {
        tuple(-getattr(totals(spec), n) if most else getattr(totals(spec), n) for n, most in directions)
        for spec in networks
    }
    expected = {
        p
        for p in points
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)
    }
    found = [
        tuple(-getattr(row, n) if most else getattr(row, n) for n, most in directions)
        for row in pareto(parse_space(text), Budget(), directions)
    ]
    assert found == sorted(expected)


@pytest.mark.parametrize("text", ["", "colour", "params,params", "params,,macs"])
def test_bad_figures(text: str) -> None:
    with pytest.raises(BudgetError):
        read_directions(text)


def test_headroom() -> None:
    budget = Budget.read({"max_params": "5M"})
    spec = parse("[2,1,1,1]x[64,128,256,512]")
    found = headroom(spec, budget)
    assert found.left[0].left == 5_000_000 - 4_977_226
    for change in found.changes:
        cost = totals(change.spec)
        assert budget.allows(cost)
        assert change.params == cost.params - 4_977_226
        assert change.gain == pytest.approx(entropy(change.spec) - entropy(spec))
    roomy = headroom(spec, Budget.read({"max_params": "6M"}))
    # 2 convs of 3x3x64x64 and their norms.
    assert {c.text: c.params for c in roomy.changes}["one more block in stage 1"] == 73_984
    assert roomy.best is not None
