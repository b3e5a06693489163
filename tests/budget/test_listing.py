"""Listings against a brute force that is written here by itself."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archkit.budget import Budget, Limit, candidates, largest
from archkit.count import count, totals
from archkit.errors import BudgetError
from archkit.spec import DEFAULT_SPACE, ArchSpec, parse, parse_space

WIDTHS = (8, 12, 16, 24, 32)


@st.composite
def small_spaces(draw: st.DrawFn) -> tuple[str, list[ArchSpec]]:
    """A space as a text, and its networks written down one by one."""
    low = draw(st.integers(1, 3))
    high = draw(st.integers(low, min(low + 1, 4)))
    blocks = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True))
    widths = draw(st.lists(st.sampled_from(WIDTHS), min_size=1, max_size=3, unique=True))
    order = draw(st.sampled_from(["any", "nondecreasing", "increasing"]))
    options = draw(
        st.sampled_from(
            [
                ("", [{}]),
                ("stem=16", [{"stem": 16}]),
                ("block={bottleneck,basic}", [{"block": "bottleneck"}, {"block": "basic"}]),
                (
                    "shortcut={conv3,pad} project=stage attn=se",
                    [{"shortcut": s, "project": "stage", "attn": "se"} for s in ("conv3", "pad")],
                ),
                ("block=preact bias={yes,no}", [{"block": "preact", "bias": b} for b in (True, False)]),
                ("stem={8,conv7} aa=blur", [{"stem": s, "aa": "blur"} for s in (8, "conv7")]),
                ("attn=eca kernel=5 pool=2", [{"attn": "eca", "kernel": 5, "pool": 2}]),
            ]
        )
    )
    assume("pad" not in options[0] or order != "any")
    text = f"[{{{','.join(map(str, blocks))}}}]*{low}..{high}x[{{{','.join(map(str, widths))}}}]"
    rises = {
        "any": lambda _a, _b: True,
        "nondecreasing": lambda a, b: a <= b,
        "increasing": lambda a, b: a < b,
    }[order]
    networks = [
        ArchSpec.make(ns, cs, **chosen)
        for chosen in options[1]
        for stages in range(low, high + 1)
        for ns in product(blocks, repeat=stages)
        for cs in product(widths, repeat=stages)
        if all(rises(a, b) for a, b in pairwise(cs))
    ]
    return f"{text} order={order} {options[0]}", networks


@given(small_spaces(), st.data())
@settings(max_examples=200)
def test_against_brute_force(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    parsed = parse_space(text)
    assert parsed.size() == len(networks)
    costs = {str(spec): totals(spec) for spec in networks}
    limits = {}
    for name in data.draw(st.sets(st.sampled_from(Budget.names()), max_size=3)):
        figures = sorted(getattr(cost, name) for cost in costs.values()) or [0]
        ends = sorted(data.draw(st.tuples(st.sampled_from(figures), st.sampled_from(figures))))
        low, high = data.draw(st.sampled_from([(ends[0], ends[1]), (None, ends[1]), (ends[0], None)]))
        limits[name] = Limit(low, high)
    budget = Budget(**limits)
    expected = {spec: cost for spec, cost in costs.items() if budget.allows(cost)}
    found = list(candidates(parsed, budget))
    assert len(found) == len({row.spec for row in found})
    assert {row.spec: row[1:] for row in found} == expected
    best, within = largest(parsed, budget, 5, by="macs")
    assert within == len(expected)
    assert [row.macs for row in best] == sorted((cost.macs for cost in expected.values()), reverse=True)[:5]


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
    rows, _ = largest(parse_space(DEFAULT_SPACE), Budget(params=Limit(None, 5_000_000)), 50)
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
    found = candidates(parse_space(DEFAULT_SPACE), Budget(params=Limit(params, params)))
    assert plain in {row.spec for row in found}


def test_a_listing_is_a_stream() -> None:
    space = parse_space("[1..10000]*32x[1..512]")
    rows = candidates(space, Budget())
    assert next(rows).spec.startswith("[1,1,1")
    assert next(rows).spec.startswith("[1,1,1")


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
    ],
)
def test_bad_limits(texts: dict[str, str], words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        Budget.read(texts)


@pytest.mark.parametrize("text", ["5e6", "5M", "5_000_000", "5,000,000", "5000k", "0.005G"])
def test_ways_to_write_five_million(text: str) -> None:
    assert Budget.read({"max_params": text}).params == Limit(None, 5_000_000)
