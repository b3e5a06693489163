"""Counts and samples against the listing, a brute force and figures counted elsewhere."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import (
    FIGURES,
    Budget,
    Limit,
    candidates,
    count_within,
    estimate_within,
    few_enough,
    histogram,
    histogram_is_quick,
    read_budget,
    sample,
)
from archkit.budget.cells import exact_dot
from archkit.budget.counting import count_table
from archkit.budget.sampling import Sampler
from archkit.budget.stage_tables import build_tables
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import budgets, fitting, small_spaces
from tests.strategies import share

BUDGETS = sorted((Path(__file__).parents[2] / "budgets").glob("*.toml"))


@given(small_spaces(), st.data())
@settings(max_examples=share(0.6))
def test_counts_against_brute_force(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    parsed = parse_space(text)
    budget, table = data.draw(budgets(networks))
    expected = fitting(budget, table)
    assert count_within(parsed, budget) == len(expected)
    bins = histogram(parsed, budget, bins=data.draw(st.integers(1, 5)))
    assert sum(n for _, _, n in bins) == len(expected)
    assert all(n == sum(low <= row["params"] <= high for row in expected.values()) for low, high, n in bins)
    if expected:
        assert {row.spec for row in sample(parsed, budget, 20, seed=1)} <= expected.keys()


def test_memory_that_is_no_sum_is_refused() -> None:
    """Without an expansion only the block that cannot add keeps what it puts out, and the pooling nothing."""
    space = parse_space("[1..2]*2x[8] block=fused-mbconv expand=1")
    with pytest.raises(BudgetError, match="its memory is not a sum over blocks"):
        count_within(space, Budget(training_memory=Limit(None, 10**9)))


@given(small_spaces(), st.data())
@settings(max_examples=share(0.6))
def test_every_number_has_a_network_of_its_own(
    space: tuple[str, list[ArchSpec]], data: st.DataObject
) -> None:
    """The numbers of a table are together what fits: a draw of a number is a fair draw of a network."""
    text, networks = space
    parsed = parse_space(text)
    budget, table = data.draw(budgets(networks, most=1))
    name = data.draw(st.sampled_from(FIGURES[:-1]))
    figures = sorted(row[name] for row in table.values()) or [0]
    high = data.draw(st.sampled_from(figures))
    limit = Limit(data.draw(st.sampled_from([None, *(f for f in figures if f <= high)])), high)
    budget = Budget(
        peak_memory=Limit(None, budget.peak_memory.high),
        batch=budget.batch,
        optimizer=budget.optimizer,
        peak_bits=budget.peak_bits,
    ).replace(**{name: limit})
    numbered = []
    for combination in parsed.combinations:
        for stages in range(parsed.stages[0], parsed.stages[1] + 1):
            tables = build_tables(parsed, combination, stages, budget)
            counted = count_table(tables, name, limit, keep=True)
            sampler = Sampler(counted)
            numbered += [str(parsed.spec(combination, *sampler.network(i))) for i in range(counted.total)]
    expected = fitting(budget, table)
    assert len(numbered) == len(expected)
    assert set(numbered) == expected.keys()


@pytest.mark.parametrize(("stages", "within"), [(1, 99), (2, 3_639), (3, 79_305), (4, 1_247_080)])
def test_known_counts_of_step_64(stages: int, within: int) -> None:
    space = parse_space(f"[1..]*{stages}x[64..512:64] order=nondecreasing")
    assert count_within(space, Budget(params=Limit(None, 5_000_000))) == within


def test_known_count_of_step_8() -> None:
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    assert count_within(space, Budget(params=Limit(None, 5_000_000))) == 26_108_878_089_825


def test_counts_past_64_bits() -> None:
    # The last stage alone is free: each of nine stages of one width adds blocks of equal cost, so
    # that the count is that of sums of nine numbers, C(n + 9, 9) for n further blocks in all.
    stages, width = 9, 1
    space = parse_space(f"[1..]*{stages}x[{width}] stem=1 input=3x256x256")
    base = totals(ArchSpec.make((1,) * stages, (width,) * stages, stem=1, input=(3, 256, 256))).params
    step = 9 * 2 + 4
    n = 3_000
    budget = Budget(params=Limit(None, base + n * step + step - 1))
    assert comb(n + stages, stages) > 2**64
    assert count_within(space, budget) == comb(n + stages, stages)


@pytest.mark.parametrize("further", [600, 800, 860, 875, 890, 950, 1_500])
def test_counts_about_64_bits(further: int) -> None:
    """Where some tables hold 64 bits and others Python's integers: C(n + 8, 8) passes 2**63 at n = 880."""
    stages = 8
    base = totals(ArchSpec.make((1,) * stages, (1,) * stages, stem=1, input=(3, 512, 512))).params
    space = parse_space(f"[1..]*{stages}x[1] stem=1 input=3x512x512")
    budget = Budget(params=Limit(None, base + further * (9 * 2 + 4)))
    assert count_within(space, budget) == comb(further + stages, stages)


def test_a_product_past_64_bits() -> None:
    a = np.full(1_000, 2**40)
    assert exact_dot(a, a) == 1_000 * 2**80


def test_several_limits_at_once() -> None:
    space = parse_space("[1..3]*2..3x[{8,16,24}]")
    budget = Budget.read({"max_params": "60k", "max_macs": "20M", "min_depth": "8"})
    fitting = list(candidates(space, budget))
    assert count_within(space, budget) == len(fitting) > 0
    assert set(sample(space, budget, 500, seed=3)) <= set(fitting)
    assert sum(n for _, _, n in histogram(space, budget)) == len(fitting)


@pytest.mark.parametrize(
    "texts",
    [
        {"max_params": "500k"},
        {"max_params": "500k", "max_peak_memory": "500k"},
        {"max_params": "1M", "max_macs": "80M"},
    ],
)
def test_samples_are_uniform(texts: dict[str, str]) -> None:
    space = parse_space("[1..4]*3x[16..80:16] order=nondecreasing")
    budget = Budget.read(texts)
    fitting = count_within(space, budget)
    assert 1_000 < fitting < 10_000
    draws = 200_000
    seen = Counter(row.spec for row in sample(space, budget, draws, seed=11))
    assert len(seen) == fitting
    # Chi-square in exact fractions; its mean is the degrees of freedom, its variance twice that.
    expected = Fraction(draws, fitting)
    chi2 = sum((n - expected) ** 2 for n in seen.values()) / expected
    freedom = fitting - 1
    assert abs(float(chi2) - freedom) < 5 * (2 * freedom) ** 0.5


def test_a_seed_draws_the_same() -> None:
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    budget = Budget.read({"max_params": "500k"})
    drawn = sample(space, budget, 20, seed=5)
    assert drawn == sample(space, budget, 20, seed=5)
    assert drawn != sample(space, budget, 20, seed=6)
    assert all(row.params <= 500_000 for row in drawn)


def test_a_histogram_under_several_limits() -> None:
    space = parse_space("[1..]*3x[16..128:16] order=nondecreasing")
    budget = Budget.read({"min_params": "101k", "max_params": "500k", "max_macs": "40M"})
    params = [row.params for row in candidates(space, budget)]
    bins = histogram(space, budget)
    assert len(bins) == 10
    assert (bins[0][0], bins[-1][1]) == (101_000, 500_000)
    assert all(n == sum(low <= one <= high for one in params) for low, high, n in bins)
    assert histogram_is_quick(space, budget, len(params))


def test_a_histogram_that_would_take_long_is_known_beforehand() -> None:
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    for limits, quick in (
        ({"max_params": "5M"}, True),
        ({"max_params": "5M", "max_macs": "300M"}, False),
        ({"max_macs": "300M"}, False),  # every network would be looked at
    ):
        assert histogram_is_quick(space, Budget.read(limits), 787_617_410_180) is quick


def test_a_histogram_adds_up() -> None:
    space = parse_space("[1..]*3x[64..512:64] order=nondecreasing")
    budget = Budget.read({"max_params": "5M"})
    bins = histogram(space, budget)
    assert sum(n for _, _, n in bins) == 79_305
    assert bins[0][0] == 0
    assert bins[-1][1] == 5_000_000
    assert all(a[1] + 1 == b[0] for a, b in pairwise(bins))


@pytest.mark.parametrize("path", BUDGETS, ids=lambda path: path.name)
def test_budget_files(path: Path) -> None:
    file = read_budget(path)
    assert file.budget.limited()
    assert file.source
    assert file.space is not None
    assert count_within(parse_space(file.space), file.budget) > 0


def test_bytes_of_weights() -> None:
    budget = Budget.read({"max_weight_bytes": "256k", "weight_bits": "8"})
    assert budget.params == Limit(None, 256_000)
    assert Budget.read({"max_weight_bytes": "4000001"}).params == Limit(None, 1_000_000)
    assert Budget.read({"max_weight_bytes": "1k", "max_params": "10"}).params == Limit(None, 10)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 3", "unknown key 'colour'"),
        ("[limits]\nmax_colour = 3", "unknown limit 'max_colour'"),
        ("[limits]\nmax_params = -3", "max-params"),
        ("limits = 3", "limits must be a table"),
        ("space = 3", "space must be a text"),
        ("=", "is not valid TOML"),
        ("limts = 3", r"unknown key 'limts'; did you mean limits\?$"),
        ("[limits]\nmax_para = 3", "unknown limit 'max_para'; did you mean max_params"),
        ("[limits]\nmax_params = []", r"max_params must be .*, not \[\]$"),
        ("[limits]\noptimizer = 3", "optimizer must be one of none, sgd, .*, not '3'$"),
        ("[space]\nblocks = 3", "space.channels must be a list or a text such as .*; it is missing$"),
        ('[space]\nblocks = "[1]"', "space.channels must be a list or a text such as .*; it is missing$"),
        ("source = [1]", r"source must be a text, not \[1\]$"),
        ("[limits]\nweight_bits = 8", "needs max-weight-bytes"),
        ("[limits]\nmax_weight_bytes = 8\nweight_bits = 99", "1 to 64"),
    ],
)
def test_bad_budget_files(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "budget.toml"
    path.write_text(text)
    with pytest.raises(BudgetError, match=words) as caught:
        read_budget(path)
    assert "\n" not in str(caught.value)


def test_a_missing_budget_file(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="cannot be read"):
        read_budget(tmp_path / "none.toml")


def test_an_estimate_holds_the_count() -> None:
    space = parse_space("[1..]*3x[64..512:64] order=nondecreasing")
    budget = Budget.read({"max_params": "5M", "max_macs": "2G"})
    by_macs = count_within(space, Budget.read({"max_macs": "2G"}))
    assert few_enough(space, budget)
    exact = count_within(space, budget)
    for seed in range(5):
        found = estimate_within(space, budget, seed=seed)
        assert found.most == min(79_305, by_macs)
        assert found.low <= exact <= found.high < found.most
        assert found.high - found.low < exact / 4


def test_peak_memory_besides_another_limit_is_counted() -> None:
    """It is a limit on each block by itself, which the tables take in."""
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    assert few_enough(space, Budget.read({"max_params": "5M", "max_peak_memory": "64k"}))


@pytest.mark.parametrize(
    ("space", "networks"),
    [
        # 32 and 64 channels make groups of 32, 48 do not; and channels cannot fall without a shortcut conv.
        ("[1]*2x[{32,48,64}] norm=group:32", 4),
        ("[1]*2x[{16,32}] shortcut=pad", 3),
        # The widest and the smallest are impossible: those between are not.
        ("[1..2]x[{16,32,48}] norm=group:32", 2),
        # 4 times 16 channels make groups of 32 behind a bottleneck, 16 within it do not.
        ("[1]*2x[{16,32}] norm=group:32 block={basic,bottleneck}", 2),
        # A map of 1x1 leaves single values: 32 channels make 32 groups of one there.
        ("[1]*1..2x[{32,64}] norm=group:32 input=3x2x2", 4),
    ],
)
def test_a_space_holds_no_network_that_the_language_refuses(space: str, networks: int) -> None:
    parsed = parse_space(space)
    assert parsed.size() == count_within(parsed, Budget()) == networks
    assert count_within(parsed, Budget.read({"max_params": "10M"})) == networks
    listed = [row.spec for row in candidates(parsed, Budget())]
    assert [str(parse(spec)) for spec in listed] == listed
    assert len(listed) == networks
