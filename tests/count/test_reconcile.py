from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archkit.count import totals
from archkit.count.figure import parse_figure
from archkit.count.reconcile import reconcile
from archkit.errors import BudgetError
from archkit.spec import parse

# What the paper prints, and the changes to its notation that its authors' code makes (docs/paper.md).
PAPER = [
    ("[2,2,2,1]x[16,32,64,512]", "3.15M", {"shortcut=conv3"}, 3_152_410),
    ("[2,2,2,1]x[16,32,64,512] stem=64", "3.15M", {"shortcut=conv3", "stem=16"}, 3_152_410),
    ("[2,3,3,1,1]x[16,32,64,128,512]", "4.13M", {"shortcut=conv3"}, 4_130_458),
    ("[2,3,3,1,1]x[16,32,64,128,512] stem=64", "4.13M", {"shortcut=conv3", "stem=16"}, 4_130_458),
    ("[2,2,2]x[16,32,64]", "0.19M", {"shortcut=conv3"}, 195_738),
]


@pytest.mark.parametrize(("text", "figure", "changes", "params"), PAPER)
def test_the_papers_figures(text: str, figure: str, changes: set[str], params: int) -> None:
    first = reconcile(parse(text), parse_figure(figure))[0]
    assert set(first.changes) == changes
    assert first.params == params


def test_cut_and_rounded_are_told_apart() -> None:
    found = reconcile(parse("[2,2,2]x[16,32,64]"), parse_figure("0.19M"))
    assert {one.params: one.fit for one in found}[195_738] == "cut"
    found = reconcile(parse("[2,2,2]x[16,32,64] shortcut=conv3"), parse_figure("0.20M"))
    assert (found[0].changes, found[0].fit) == ((), "rounded")


@pytest.mark.parametrize(
    ("text", "figure", "changes"),
    [
        # He et al.'s ResNet-20 by zero-padding; a squeeze-and-excitation behind the stem.
        ("[3,3,3]x[16,32,64]", "269,722", ("shortcut=pad",)),
        ("[4,4,3]x[64,128,256]", "4,697,742", ("stem_attn=se-plain",)),
        ("[2,1,1,1]x[64,128,256,512]", "4,980,234", ("bias=yes",)),
    ],
)
def test_exact_figures(text: str, figure: str, changes: tuple[str, ...]) -> None:
    first = reconcile(parse(text), parse_figure(figure))[0]
    assert first.changes == changes
    assert first.fit == "exact"


def test_macs() -> None:
    first = reconcile(parse("resnet50"), parse_figure("4.09G"), quantity="macs")[0]
    assert first.changes == ()
    assert first.macs == 4_089_184_256


def test_every_explanation_explains() -> None:
    figure = parse_figure("0.27M")
    spec = parse("[3,3,3]x[16,32,64]")
    found = reconcile(spec, figure)
    assert len(found) > 20
    assert [len(one.changes) for one in found][:1] == [0]
    for one in found:
        assert totals(one.spec).params == one.params
        assert 265_000 <= one.params < 280_000
        assert parse(" ".join([str(spec), *one.changes]) if one.changes else str(spec))
    assert len({one.spec for one in found}) == len(found)


def test_an_impossible_figure_has_no_explanation() -> None:
    assert reconcile(parse("[1]x[16]"), parse_figure("900M")) == ()


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("5e6", 5_000_000, 1_000_000),
        ("5M", 5_000_000, 1_000_000),
        ("5_000_000", 5_000_000, 1),
        ("4,697,742", 4_697_742, 1),
        ("3.15M", 3_150_000, 10_000),
        ("0.19m", 190_000, 10_000),
        ("4.1G", 4_100_000_000, 100_000_000),
        ("256k", 256_000, 1000),
        ("1.8 B", 1_800_000_000, 100_000_000),
        ("25.6 million", 25_600_000, 100_000),
        ("11.69 M params", 11_690_000, 10_000),
        ("25,557,032 parameters", 25_557_032, 1),
        ("4.1 GMACs", 4_100_000_000, 100_000_000),
        ("4.12 GMac", 4_120_000_000, 10_000_000),  # as ptflops prints it
        (4_697_742, 4_697_742, 1),
        (5e6, 5_000_000, 1),
        (0.5, Fraction(1, 2), 1),
        (np.int64(3), 3, 1),
    ],
)
def test_figures(text: str | float, value: int, unit: int) -> None:
    figure = parse_figure(text)
    assert figure.value == value
    assert figure.unit == unit


def test_what_a_figure_says_it_counts() -> None:
    texts = ("4.1 GMACs", "4.1G macs", "11.69M params", "25,557,032 Parameters", "5M", "5 million")
    assert [parse_figure(text).counted for text in texts] == ["macs", "macs", "params", "params", None, None]


@pytest.mark.parametrize(
    "text", ["", "five", "-5", "5MM", "1e", "1.2.3", "nan", "inf", "0x10", "9" * 60, "5e999"]
)
def test_what_is_no_figure(text: str) -> None:
    with pytest.raises(BudgetError):
        parse_figure(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,27M", r"did you mean 0\.27M\?"),
        ("3,15 million", r"did you mean 3\.15 million\?"),
        ("0,270M", r"did you mean 0\.270M\?"),
        ("25,6M", r"did you mean 25\.6M\?"),
        ("1,2,3", "groups have three digits"),
        ("1,23,456", "groups have three digits"),
        ("1000,000", r"did you mean 1000\.000\?"),
        ("5_00", "groups have three digits"),
        ("1,000_000", "groups have three digits"),
        ("25 636 712", "did you mean 25,636,712"),
        ("25.636.712", "did you mean 25,636,712"),
        ("4.1 GFLOPs", "twice the MACs"),
        (-5, "-5 is not a figure"),
        (True, "True is not a figure"),
        (math.nan, "nan is not a figure"),
        (math.inf, "inf is not a figure"),
        (None, "None is not a figure"),
    ],
)
def test_what_was_meant_by_what_is_no_figure(text: Any, words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        parse_figure(text)


@given(st.lists(st.text("0123456789", min_size=1, max_size=4), min_size=2, max_size=4), st.sampled_from(",_"))
def test_only_groups_of_three_digits_are_groups(groups: list[str], between: str) -> None:
    first, *others = groups
    text = between.join(groups)
    if len(first) <= 3 and first[0] != "0" and all(len(group) == 3 for group in others):
        assert parse_figure(text).value == int("".join(groups))
    else:
        with pytest.raises(BudgetError):
            parse_figure(text)


@given(st.integers(1, 10**9), st.integers(0, 3))
def test_a_number_fits_what_it_prints_as(number: int, digits: int) -> None:
    rounded = f"{Decimal(number) / 10**6:.{digits}f}M"
    assert parse_figure(rounded).fit(number) in ("exact", "rounded")
    places = 6 - digits
    cut = Decimal(number // 10**places * 10**places) / 10**6
    assert parse_figure(f"{cut:.{digits}f}M").fit(number) is not None


def test_a_stem_that_cannot_be_as_narrow_as_the_first_stage() -> None:
    found = reconcile(parse("[1]x[3] stem=tiered"), parse_figure(totals(parse("[1]x[3] stem=tiered")).params))
    assert found[0].changes == ()
