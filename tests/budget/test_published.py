"""The published networks: where they come from, what they cost, and the range of their shapes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import pytest

from archkit.budget.published import RANGES, kind, outside, published, shape, sources
from archkit.count import totals
from archkit.spec import parse


def test_every_row_has_a_source_with_a_licence() -> None:
    found = sources()
    assert Counter(one.table in found for one in published()) == {True: 686}
    for name, source in found.items():
        assert source["licence"] in ("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause")
        starts = {one.source.partition("@")[0] for one in published() if one.table == name}
        assert starts == {source["repository"]}


def test_the_networks_cost_what_was_published() -> None:
    """All of imgclsmob's, printed in full, but for pre-activation nets: their stems have a norm more."""
    exact = differ = 0
    for one in published():
        assert 0 < one.accuracy < 100
        if one.params is None or not one.table.startswith("imgclsmob"):
            continue
        params = totals(parse(one.spec)).params
        if "Pre" in one.name:
            differ += params != one.params
        else:
            assert params == one.params, one.name
            exact += 1
    assert exact > 100
    assert 0 < differ < 50


def test_the_ranges_are_those_of_the_table() -> None:
    """Recomputed network by network; they are rounded outwards, by less than one part in a hundred."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for text in {one.spec for one in published()}:
        spec = parse(text)
        group = kind(spec)
        assert group is not None
        for measure, value in shape(spec).items():
            found[group][measure].append(value)
    assert {name: set(measures) for name, measures in found.items()} == {
        name: set(measures) for name, measures in RANGES.items()
    }
    for group, measures in found.items():
        for measure, values in measures.items():
            low, high = RANGES[group][measure]
            assert low <= min(values) <= low * 1.01
            assert high / 1.01 <= max(values) <= high


def test_a_shape_by_hand() -> None:
    """At 8x8: convs of 3x3 without bias, a norm behind each, a 1x1 on the second stage's shortcut."""
    found = shape(parse("[1,2]x[16,32] input=3x8x8"))
    first = 2 * 9 * 16 * 16 + 2 * 2 * 16
    last = 9 * 16 * 32 + 3 * 9 * 32 * 32 + 4 * 2 * 32 + 16 * 32 + 2 * 32
    macs = 64 * (27 * 16 + 2 * 9 * 16 * 16) + 16 * (9 * 16 * 32 + 3 * 9 * 32 * 32 + 16 * 32) + 320
    activations = 64 * 3 * 16 + 16 * 5 * 32 + 10
    assert found == {
        "activations per 1,000 MACs": pytest.approx(1000 * activations / macs),
        "depth over width": pytest.approx(8 / ((16 + 2 * 32) / 3)),
        "share of the first stage": pytest.approx(first / (first + last)),
        "share of the last stage": pytest.approx(last / (first + last)),
        "rows of the last map": 4,
        "fewest blocks of a stage": 1,
        "most blocks of a stage": 2,
    }


@pytest.mark.parametrize(
    ("text", "measures"),
    [
        ("[4,4,3]x[64,128,256]", set()),
        ("resnet50", set()),
        ("[9,9,9]x[16,32,64]", set()),
        ("[9,7,7]x[16,16,80]", {"share of the last stage"}),
        ("[2,1,1]x[256,256,256]", {"share of the first stage", "share of the last stage"}),
        ("[4,4,4,4,4]x[64,64,128,128,128]", {"share of the last stage", "rows of the last map"}),
        ("[40,40,40]x[8,8,8]", {"activations per 1,000 MACs", "share of the first stage"}),
    ],
)
def test_what_lies_outside(text: str, measures: set[str]) -> None:
    found = outside(parse(text))
    assert {one.measure for one in found} == measures
    assert all(not one.low <= one.value <= one.high for one in found)
    assert all(math.isfinite(one.value) and f"{one.high:g}" in str(one) for one in found)


def test_every_published_network_lies_inside() -> None:
    assert not any(outside(parse(text)) for text in {one.spec for one in published()})
