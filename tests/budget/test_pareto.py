from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import FIGURES, pareto, read_directions
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse_space
from tests.budget.brute import budgets, fitting, small_spaces


@given(small_spaces(), st.lists(st.sampled_from(FIGURES), min_size=1, max_size=3, unique=True), st.data())
@settings(max_examples=200)
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
    found = [point(rows[row.spec]) for row in pareto(parse_space(text), budget, directions)]
    assert found == sorted(expected)


@pytest.mark.parametrize("text", ["", "colour", "params,params", "params,,macs"])
def test_bad_figures(text: str) -> None:
    with pytest.raises(BudgetError):
        read_directions(text)
