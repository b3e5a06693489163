"""Each way to count against brute force: all networks, several limits at once, and each number's network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import Budget, Limit, candidates, count_within, few_enough, sample
from archkit.budget.counters import Counter, counter
from archkit.budget.dominance import count_below, total_below
from archkit.budget.halves import halves
from archkit.budget.joint import JointCount
from archkit.budget.stage_tables import build_tables
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, SearchSpace, parse, parse_space
from archkit.spec.space import Combination
from tests.budget.brute import budgets, fitting, small_spaces
from tests.strategies import share

LARGE = "[1..]*4x[8..512:8] order=nondecreasing"


@given(st.data(), st.integers(1, 4), st.sampled_from([3, 30, 10**12]))
def test_points_below_against_brute_force(data: st.DataObject, figures: int, most: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    points = rng.integers(0, most, (figures, data.draw(st.integers(0, 300))))
    queries = rng.integers(-1, most + 1, (figures, data.draw(st.integers(0, 100))))
    expected = (points[:, :, None] <= queries[:, None, :]).all(axis=0).sum(axis=0)
    assert count_below(points, queries).tolist() == expected.tolist()
    assert total_below(points, queries) == expected.sum()


@given(small_spaces(), st.data())
@settings(max_examples=share(1))
def test_meeting_in_the_middle_against_brute_force(
    space: tuple[str, list[ArchSpec]], data: st.DataObject
) -> None:
    """Wherever the cut is, and whatever is limited, each number has a network of its own."""
    text, networks = space
    parsed = parse_space(text)
    budget, table = data.draw(budgets(networks, most=4))
    budget = budget.replace(peak_memory=Limit(None, budget.peak_memory.high))
    expected = fitting(budget, table)
    numbered = []
    for combination, stages in parsed.skeletons():
        tables = build_tables(parsed, combination, stages, budget)
        # Where nothing is limited, a figure without a limit stands for those that are.
        rows = [m for m in tables.binding() if m < tables.sums] or [0]
        split = data.draw(st.integers(1, stages))
        joint = JointCount(halves(tables, rows, split), tables.low[rows])
        numbered += _numbered(parsed, combination, joint)
    assert sorted(numbered) == sorted(expected)


@given(small_spaces(), st.data())
@settings(max_examples=share(1))
def test_every_counter_numbers_what_fits(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    parsed = parse_space(text)
    budget, table = data.draw(budgets(networks, most=3))
    budget = budget.replace(peak_memory=Limit(None, budget.peak_memory.high))
    numbered = []
    for combination, stages in parsed.skeletons():
        numbered += _numbered(parsed, combination, counter(parsed, combination, stages, budget, keep=True))
    assert sorted(numbered) == sorted(fitting(budget, table))


def _numbered(space: SearchSpace, combination: Combination, counted: Counter) -> list[str]:
    found = counted.networks(range(counted.total))
    assert sorted(found) == list(range(counted.total))
    return [str(space.spec(combination, *widths)) for widths in found.values()]


@pytest.mark.parametrize(
    ("limits", "networks"),
    [
        # As a first program found, which knew nothing of this one.
        pytest.param({"max_params": "5M", "max_macs": "300M"}, 787_617_410_180, marks=pytest.mark.long),
        ({"max_params": "5M", "min_params": "4.9M", "max_macs": "300M", "max_depth": 40}, 1_413_838),
    ],
)
def test_several_limits_on_trillions(limits: dict[str, str | float], networks: int) -> None:
    space, budget = parse_space(LARGE), Budget.read(limits)
    assert few_enough(space, budget)
    assert count_within(space, budget) == networks
    drawn = sample(space, budget, 10, seed=1)
    assert len({row.spec for row in drawn}) == 10
    assert all(budget.fits(parse(row.spec)) for row in drawn)


def test_one_limit_counted_in_two_ways() -> None:
    """By a table of cells, and by meeting in the middle."""
    space = parse_space("[1..]*3x[64..512:64] order=nondecreasing")
    budget = Budget.read({"max_params": "5M"})
    (skeleton,) = space.skeletons()
    tables = build_tables(space, *skeleton, budget)
    assert JointCount(halves(tables, [0], 2), tables.low[[0]]).total == count_within(space, budget) == 79_305


def test_a_fair_sample_under_two_limits() -> None:
    space = parse_space("[1..3]*2x[8..32:8]")
    budget = Budget.read({"max_params": "30k", "max_macs": "12M", "min_depth": 7})
    every = [row.spec for row in candidates(space, budget)]
    drawn = [row.spec for row in sample(space, budget, 40 * len(every), seed=3)]
    counts = np.array([drawn.count(spec) for spec in every])
    assert counts.sum() == len(drawn)
    # Chi-squared over its degrees of freedom: 1 for a fair sample, give or take sqrt(2 / degrees).
    degrees = len(every) - 1
    assert abs(((counts - 40) ** 2 / 40).sum() / degrees - 1) < 4 * np.sqrt(2 / degrees)


def test_a_small_space_is_counted_however_large_its_figures_are() -> None:
    space = parse_space("[5]*5x[48..80:32] input=3x96x96 order=nondecreasing")
    sizes = sorted(totals(parse(row.spec)).macs for row in candidates(space, Budget()))
    assert len(sizes) == 6
    for most in (sizes[0] - 1, 7_000_000_000, sizes[-1]):
        found = count_within(space, Budget.read({"max_macs": most}))
        assert found == sum(macs <= most for macs in sizes)


def test_a_limit_that_rules_nothing_out_costs_nothing() -> None:
    space = parse_space("[1..4]*3..5x[{16,32,64,128,256,512}] order=nondecreasing")
    assert count_within(space, Budget.read({"max_macs": "40G"})) == 293_888


def test_what_is_listed_is_what_is_counted_under_a_loose_limit() -> None:
    space = parse_space("[1..4]*3..5x[{16,32,64,128,256,512}] order=nondecreasing")
    budget = Budget.read({"max_macs": "4G"})
    assert count_within(space, budget) == sum(1 for _ in candidates(space, budget))


@pytest.mark.parametrize(
    ("space", "limits"),
    [
        ("[1..]*32x[1..10000]", {"max_params": "5M"}),
        ("[1..]*8x[1..512] order=nondecreasing", {"max_params": "20M"}),
        ("[1..]*5x[8..1024:8]", {"max_params": "20M", "max_macs": "1G"}),
    ],
)
def test_what_is_too_much_is_refused_before_anything_is_built(space: str, limits: dict[str, str]) -> None:
    parsed, budget = parse_space(space), Budget.read(limits)
    assert not few_enough(parsed, budget)
    with pytest.raises(BudgetError, match="coarser steps of width"):
        count_within(parsed, budget)
