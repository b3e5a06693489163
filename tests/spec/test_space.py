from __future__ import annotations

from itertools import product
from math import comb

import pytest

from archkit.errors import SpecError
from archkit.spec import DEFAULT_SPACE, SPACES, parse, parse_space


def test_the_default_space_by_hand() -> None:
    # Multisets of k out of 20 widths; 1 to 9 blocks in each of k stages.
    expected = sum(9**k * comb(k + 19, k) for k in (3, 4))
    assert parse_space(DEFAULT_SPACE).size() == expected == 59_220_315
    assert SPACES["default"] == DEFAULT_SPACE


def test_the_papers_space_by_hand() -> None:
    # Widths that never fall: multisets of k out of 6; 1 to 4 blocks in each of k stages.
    expected = sum(4**k * comb(k + 5, k) for k in (3, 4, 5))
    assert parse_space(SPACES["paper"]).size() == expected == 293_888


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("[1..4,1..4,1..4]x[{32,64},64..256:32,64..512:64]", 4**3 * 2 * 7 * 8),
        ("[1..3]x[16] block={basic,bottleneck} kernel={3,5}", 3 * 4),
        ("[1..3,2]x[16] kernel=[{3,5},3]", 3 * 2),
        # What is written twice is one value.
        ("[1..2]*2x[8] kernel={3,3}", 4),
        ("[1]*2x[8] attn={se,se:16} pool={4,4x4} stem={8,conv3:8}", 1),
        ("[1]*2x[8] block=mbconv expand={2,2.0}", 1),
        ("[1]*2x[8] stem={none,none:3}", 1),
        ("[2]*2..3x[{8,16}] order=increasing", 1),
        ("[2]*2x[{8,16,24}] order=increasing", 3),
        ("[1]x[{8,8,16}]", 2),
        ("[{1,3..5}]x[8..512:8]", 4 * 64),
        ("resnet10", 1),
        ("resnet10 bias={yes,no} classes={10,100}", 4),
        ("[1..10000]*32x[8..65536:8]", (10_000 * 8_192) ** 32),
        ("[1..]*4x[8..512:8] order=nondecreasing", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse_space(text).size() == size


@pytest.mark.parametrize("order", ["any", "nondecreasing", "increasing"])
def test_size_against_writing_them_all_down(order: str) -> None:
    space = parse_space(f"[1..2,1,{{1,4}}]x[{{8,16,24}},{{8,24,32}},{{8,16,32}}] order={order}")
    rises = {
        "any": lambda _a, _b: True,
        "nondecreasing": lambda a, b: a <= b,
        "increasing": lambda a, b: a < b,
    }[order]
    widths = product((8, 16, 24), (8, 24, 32), (8, 16, 32))
    expected = 4 * sum(rises(a, b) and rises(b, c) for a, b, c in widths)
    assert space.size() == expected


def test_a_name_keeps_its_options() -> None:
    space = parse_space("resnet14-4 classes={10,100}")
    blocks, channels = (2, 2, 2, 1), (16, 32, 64, 512)
    specs = [space.spec(combination, blocks, channels) for combination in space.combinations]
    assert specs == [parse("resnet14-4"), parse("resnet14-4 classes=100")]


@pytest.mark.parametrize("text", ["1..4", "{1,2,7}", "1..9:4", "{1,2,5..8}", "3", "8..", "{2,4..:4}"])
def test_sets_print_as_they_are_written(text: str) -> None:
    assert str(parse_space(f"[{text}]x[8]").blocks[0]) == text


ILL_FORMED = [
    ("[{}]x[8]", "}", "the list is empty"),
    ("[4..1]x[8]", "4..1", "the range falls from 4 to 1"),
    ("[1..4:0]x[8]", "1..4:0", "the step of a range"),
    ("[1]x[8..]", "8..", "channels need an upper end"),
    ("[0..4]x[8]", "0..4", "blocks must be 1 to"),
    ("[1]x[{8,99999}]", "99999", "channels must be 1 to"),
    ("[1..4]*3x[1,2]", "[1,2]", "the blocks are of 3 stages and the channels of 2"),
    ("[1,2]*3x[8]", "[1,2]*3", "a list of one entry"),
    ("[1]*0x[8]", "0", "stages are 1 to 32"),
    ("[1]*5..3x[8]", "5..3", "the range falls"),
    ("[1]x[8] order=falling", "falling", "order is any"),
    ("[1]x[8] block={basic,basik}", "basik", "did you mean basic"),
    ("[1]x[8] groups=4 block={basic,bottleneck}", "4", "groups needs bottlenecks"),
    ("[1..2]*2..3x[8..16:8] kernel=[3,5]", "[3,5]", "kernel has 2 entries for 3 stages"),
    ("[1..2]*2x[8] kernel=[{3,5},3,3]", "[{3,5},3,3]", "3 entries for 2 stages, with kernel=[3,3,3]"),
    ("[1]x[{8,resnet}]", "resnet", "channels are numbers"),
    ("resnet1x bias={yes,no}", "resnet1x", "no architecture is called"),
    ("[1]x[8] classes=1..10000", None, "combine in 10,000 ways"),
    ("[1]x[8] classes=1..10000000", "1..10000000", "at most 10,000"),
    ("[1..100000]x[8]", "1..100000", "a range of 100,000 numbers"),
    ("[" + ",".join("1" * 33) + "]x[8]", "[" + ",".join("1" * 33) + "]", "stages are 1 to 32, not 33"),
]


@pytest.mark.parametrize(("text", "pointed_at", "words"), ILL_FORMED, ids=[text for text, _, _ in ILL_FORMED])
def test_an_ill_formed_space_is_pointed_at(text: str, pointed_at: str | None, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_space(text)
    message, _, carets = str(caught.value).split("\n")
    assert words in message
    if pointed_at is not None:
        start = carets.index("^") - 2
        assert text[start : start + len(carets.strip())] == pointed_at
