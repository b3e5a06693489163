"""What would let something in, against a brute force."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archkit.budget import (
    FIGURES,
    Budget,
    Limit,
    candidates,
    count_within,
    least,
    relax,
    relaxations,
    why_nothing_fits,
)
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import budgets, figures, fitting, small_spaces
from tests.strategies import share


@pytest.mark.parametrize("effort", [None, 0], ids=["by the search", "by fronts"])
@given(space=small_spaces(), data=st.data())
@settings(max_examples=share(0.6), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_against_brute_force(
    space: tuple[str, list[ArchSpec]],
    data: st.DataObject,
    effort: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if effort is not None:
        monkeypatch.setattr(relax, "_EFFORT", effort)
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
@settings(max_examples=share(0.4))
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


def test_where_the_search_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relax, "_EFFORT", 0)
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    budget = Budget.read({"max_params": "300k", "max_macs": "30M", "min_activations": "2M"})
    found = {one.figure: one for one in relaxations(space, budget)}
    most = found["activations"].value
    assert most is not None
    assert found["activations"].exact
    # Counting by meeting in the middle knows of no front.
    assert count_within(space, budget.replace(activations=Limit(most, None)))
    assert not count_within(space, budget.replace(activations=Limit(most + 1, None)))
    assert found["params"].value is None
    assert found["params"].exact
    assert not count_within(space, budget.replace(params=Limit()))


@pytest.mark.parametrize("blocks", ["[1..4]", "[1..]"])
@pytest.mark.parametrize("text", ["{}*3x[16] order=increasing", "{}*2x[16,8] order=nondecreasing"])
def test_an_empty_space_is_to_blame(text: str, blocks: str) -> None:
    space = parse_space(text.format(blocks))
    budget = Budget.read({"max_params": "1k", "min_depth": "3"})
    assert why_nothing_fits(space, budget) == ("the space is empty: no widths rise through its stages",)
    assert relaxations(space, budget) == ()
