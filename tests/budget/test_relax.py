"""What would let something in, against a brute force."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import FIGURES, Budget, Limit, candidates, least, relaxations
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import budgets, figures, fitting, small_spaces


@given(small_spaces(), st.data())
@settings(max_examples=200)
def test_against_brute_force(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    budget, table = data.draw(budgets(networks))
    if not table:
        return
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
            assert one.value == ((min if upper else max)(values) if values else None)
            if one.spec is not None:
                assert table[one.spec][name] == one.value
                assert without.fits(parse(one.spec))


@given(small_spaces(), st.sampled_from(FIGURES))
@settings(max_examples=50)
def test_the_least_of_a_figure(space: tuple[str, list[ArchSpec]], name: str) -> None:
    text, networks = space
    if networks:
        assert least(parse_space(text), name) == min(figures(spec, Budget())[name] for spec in networks)


def test_in_words() -> None:
    space = parse_space("[1..4]*2x[{8,16}]")
    smallest = min(candidates(space, Budget()), key=lambda row: row.params)
    words = [str(one) for one in relaxations(space, Budget.read({"max_params": "100"}))]
    assert words == [
        f"the smallest network of this space has {smallest.params:,} parameters: {smallest.spec}"
    ]
    # 4 blocks of 2 convs in each of 2 stages, the stem and the head: 18.
    words = [str(one) for one in relaxations(space, Budget.read({"min_depth": "100"}))]
    assert words[0].startswith("the largest network of this space has 18 layers of depth: [4,4]x")
    both = relaxations(space, Budget.read({"max_params": "100", "min_depth": "100"}))
    assert [str(one) for one in both] == [
        "no max-params lets anything in while the other limits stand",
        "no min-depth lets anything in while the other limits stand",
    ]


def test_a_space_whose_only_end_is_the_limit() -> None:
    space = parse_space("[1..]*2x[8]")
    budget = Budget.read({"max_params": "10", "min_depth": "50"})
    upper = relaxations(space, budget)[0]
    # 24 blocks of 2 convs in two stages, the stem and the head: the least that are 50 deep.
    fewest = min(figures(ArchSpec.make((n, 24 - n), (8, 8)), Budget())["params"] for n in range(1, 24))
    assert upper.value == fewest
    with pytest.raises(StopIteration):
        next(candidates(space, budget))
