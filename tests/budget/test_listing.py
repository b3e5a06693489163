"""Listings against a brute force that is written here by itself."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import FIGURES, Budget, Limit, candidates, largest
from archkit.budget.stage_tables import METRICS
from archkit.count import count, totals
from archkit.errors import BudgetError
from archkit.spec import SPACES, ArchSpec, parse, parse_space
from tests.budget.brute import budgets, fitting, small_spaces
from tests.strategies import share


@given(small_spaces(), st.data())
@settings(max_examples=share(0.8))
def test_against_brute_force(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    parsed = parse_space(text)
    assert parsed.size() == len(networks)
    budget, table = data.draw(budgets(networks))
    expected = fitting(budget, table)
    found = list(candidates(parsed, budget))
    assert len(found) == len({row.spec for row in found})
    assert {row.spec: row[1:] for row in found} == {
        spec: tuple(row[name] for name in METRICS) for spec, row in expected.items()
    }
    by, least, n = data.draw(
        st.tuples(st.sampled_from(FIGURES), st.booleans(), st.sampled_from([0, 1, 5, None]))
    )
    best, within = largest(parsed, budget, n, by=by, least=least)
    assert within == len(expected)
    ordered = sorted((row[by] for row in expected.values()), reverse=not least)[:n]
    assert [expected[row.spec][by] for row in best] == ordered
    # Of equal ones the earlier stands first.
    place = {row.spec: i for i, row in enumerate(found)}
    assert all(
        place[a.spec] < place[b.spec]
        for a, b in pairwise(best)
        if expected[a.spec][by] == expected[b.spec][by]
    )


# Counted by brute force and by a table elsewhere: basic blocks, the stem as wide as the first stage,
# widths of 64 to 512 that never fall, any depth, at most 5,000,000 parameters.
@pytest.mark.parametrize(("stages", "within"), [(1, 99), (2, 3_639), (3, 79_305)])
def test_known_counts_of_an_open_space(stages: int, within: int) -> None:
    space = parse_space(f"[1..]*{stages}x[64..512:64] order=nondecreasing")
    assert largest(space, Budget(params=Limit(None, 5_000_000)), 1)[1] == within


@pytest.mark.long
def test_known_count_of_four_stages() -> None:
    space = parse_space("[1..]*4x[64..512:64] order=nondecreasing")
    assert largest(space, Budget(params=Limit(None, 5_000_000)), 1)[1] == 1_247_080


def test_every_listed_figure_is_the_plans() -> None:
    rows, _ = largest(parse_space(SPACES["paper"]), Budget(params=Limit(None, 5_000_000)), 50)
    for row in rows:
        account = count(parse(row.spec))
        assert (row.params, row.macs, row.activations, row.depth) == (
            account.params,
            account.macs,
            account.activations,
            account.depth,
        )


@pytest.mark.parametrize("name", ["resnet10", "resnet12", "resnet14-4", "resnet14-5"])
def test_the_papers_stage_plans_are_in_the_default_space(name: str) -> None:
    spec = parse(name)
    plain = f"[{','.join(map(str, spec.blocks))}]x[{','.join(map(str, spec.channels))}]"
    params = totals(parse(plain)).params
    found = candidates(parse_space(SPACES["paper"]), Budget(params=Limit(params, params)))
    assert plain in {row.spec for row in found}


def test_a_listing_is_a_stream() -> None:
    space = parse_space("[1..10000]*32x[1..512]")
    rows = candidates(space, Budget())
    assert next(rows).spec.startswith("[1,1,1")
    assert next(rows).spec.startswith("[1,1,1")


def test_memory_does_not_grow_with_the_list() -> None:
    rows = candidates(parse_space("[1..20]*4x[16..64:16]"), Budget())
    tracemalloc.start()
    try:
        peaks = []
        for _ in range(2):
            for _ in range(20_000):
                next(rows)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    # 20,000 texts alone would take 1.4 MB.
    assert peaks[1] < peaks[0] + 500_000


def test_the_order_of_a_listing() -> None:
    space = parse_space("[{1,2}]*1..3x[{8,16}] block={basic,bottleneck}")

    def place(text: str) -> tuple[object, ...]:
        spec = parse(text)
        stages = tuple(zip(spec.channels, spec.blocks, strict=True))
        return spec.block[0], len(stages), stages

    places = [place(row.spec) for row in candidates(space, Budget())]
    assert places == sorted(places)
    assert len(places) == 2 * (4 + 16 + 64)


def test_a_space_without_end_needs_a_limit() -> None:
    with pytest.raises(BudgetError, match="no upper end"):
        next(candidates(parse_space("[1..]x[8]"), Budget(params=Limit(10, None))))


def test_figures_past_64_bits_are_refused() -> None:
    space = parse_space("[1..10000]*32x[8..65536:8] input=3x16384x16384")
    with pytest.raises(BudgetError, match="64 bits"):
        next(candidates(space, Budget()))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"max_params": "-5"}, "max-params"),
        ({"max_params": "lots"}, "max-params"),
        ({"max_params": "5e6", "min_params": "6M"}, "nothing can fit"),
        ({"max_colour": "5"}, "unknown limit"),
        ({"max_params": "9" * 30}, "beyond every network"),
        ({"max_params": "0,27M"}, r"max-params: .*did you mean 0\.27M"),
        ({"max_params": "4.1 GMACs"}, "max-params: 4.1 GMACs counts MACs"),
        ({"max_params": -1}, "max-params: -1 is not a figure"),
        ({"max_params": [5]}, r"max-params: \[5\] is not a figure"),
        ({"optimizer": 3}, "optimizer must be one of"),
        ({"batch": 0}, "batch must be 1 to"),
    ],
)
def test_bad_limits(texts: dict[str, Any], words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        Budget.read(texts)


@pytest.mark.parametrize(
    "text",
    [
        *("5e6", "5M", "5_000_000", "5,000,000", "5000k", "0.005G", "5 million", "5M params"),
        *(5_000_000, 5e6, 5_000_000.5),
    ],
)
def test_ways_to_write_five_million(text: str | float) -> None:
    assert Budget.read({"max_params": text}).params == Limit(None, 5_000_000)


def test_a_budget_is_made_of_limits() -> None:
    wrong: Any = 5_000_000
    with pytest.raises(BudgetError, match=r"params is a Limit\(low, high\), not 5000000; Budget\.read"):
        Budget(params=wrong)
    assert Budget(params=Limit(None, wrong)) == Budget.read({"max_params": wrong})
