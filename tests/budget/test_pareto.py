from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import FIGURES, Budget, pareto, read_directions
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import budgets, fitting, small_spaces
from tests.strategies import share

module = sys.modules["archkit.budget.pareto"]


@given(small_spaces(), st.lists(st.sampled_from(FIGURES), min_size=1, max_size=3, unique=True), st.data())
@settings(max_examples=share(0.5))
def test_against_brute_force(
    space: tuple[str, list[ArchSpec]], names: list[str], data: st.DataObject
) -> None:
    text, networks = space
    budget, table = data.draw(budgets(networks, most=2))
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
    walked = pareto(parse_space(text), budget, directions)
    assert [point(rows[row.spec]) for row in walked] == sorted(expected)
    # The same stage by stage, as in a space that is too large to look at each.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WALKED", -1)
        staged = pareto(parse_space(text), budget, directions)
    assert [point(rows[row.spec]) for row in staged] == sorted(expected)


def test_the_front_of_trillions() -> None:
    """As a first program found with a dense table over parameters; each figure is counted again."""
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    budget = Budget.read({"max_params": "5M"})
    found = pareto(space, budget, read_directions("params,+macs"))
    assert len(found) == 2_464
    assert all(tuple(totals(parse(row.spec))) == row[1:] for row in found)
    assert found[0].spec == "[1,1,1,1]x[8,8,8,8]"
    assert all(a.params < b.params and a.macs < b.macs for a, b in pairwise(found))


def test_a_front_under_another_limit() -> None:
    space = parse_space("[1..6]*3x[8..64:8]")
    budget = Budget.read({"max_params": "200k", "min_depth": 12, "max_activations": "300k"})
    directions = read_directions("macs,+depth")
    expected = pareto(space, budget, directions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WALKED", 10**9)
        walked = pareto(space, budget, directions)
    assert [(row.macs, row.depth) for row in walked] == [(row.macs, row.depth) for row in expected]
    assert len(walked) > 10


@pytest.mark.parametrize("text", ["", "colour", "params,params", "params,,macs"])
def test_bad_figures(text: str) -> None:
    with pytest.raises(BudgetError):
        read_directions(text)
