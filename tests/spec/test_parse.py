from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archkit.errors import SpecError
from archkit.spec import ArchSpec, Attention, Norm, Stem, parse, zoo
from archkit.spec.syntax import read
from archkit.spec.text import to_arch
from tests.strategies import specs

IMAGENET = "input=3x224x224 classes=1000"


@given(specs())
def test_parse_is_the_inverse_of_format(spec: ArchSpec) -> None:
    assert parse(str(spec)) == spec
    assert str(parse(str(spec))) == str(spec)


def test_a_plain_spec_is_all_defaults() -> None:
    spec = parse("[2,1,1,1]x[64,128,256,512]")
    assert spec.blocks == (2, 1, 1, 1)
    assert spec.channels == (64, 128, 256, 512)
    assert spec.block == ("basic",) * 4
    assert spec.kernel == (3, 3, 3, 3)
    assert spec.stride == (1, 2, 2, 2)
    assert spec.shortcut == ("conv1",) * 4
    assert spec.stem == Stem("conv3", 64)
    assert spec.input == (3, 32, 32)
    assert spec.classes == 10
    assert not spec.bias


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("[2,1]x[16,32] stride=[1,2] kernel=3 shortcut=conv1 stem=16 bias=no", "[2,1]x[16,32]"),
        (" [ 2 , 1 ] × [16,  32]\tclasses=10 ", "[2,1]x[16,32]"),
        ("[2,1]x[1_6,3_2] kernel=[5,5]", "[2,1]x[16,32] kernel=5"),
        (
            "[1]x[64] stem=conv7:64 attn=se:16 norm=group:32 pool=global",
            "[1]x[64] stem=conv7 attn=se norm=group",
        ),
        ("[1]x[64] stem=deep:64 stem_pool=max attn=se:4", "[1]x[64] stem=deep:64 attn=se:4"),
        ("[1]x[64] stem=conv3:64 stem_pool=max", "[1]x[64] stem_pool=max"),
        ("[1]x[64] stem=conv10x4s2:64 pool=16x10", "[1]x[64] stem=conv10x4s2 pool=16x10"),
        ("[1]x[64] pool=4x4", "[1]x[64] pool=4"),
        ("[1,1]x[8,8] block=[basic,bottleneck]", "[1,1]x[8,8] block=[basic,bottleneck]"),
        ("resnet10", "[2,1,1,1]x[64,128,256,512] bias=yes"),
        ("ResNet10 classes=100", "[2,1,1,1]x[64,128,256,512] bias=yes classes=100"),
        ("resnet14-4 stem=64", "[2,2,2,1]x[16,32,64,512] stride=[1,2,2,1] shortcut=conv3 stem=64"),
        ("resnet10 bias=no", "[2,1,1,1]x[64,128,256,512]"),
        (f"[1]x[64] {IMAGENET}", f"[1]x[64] {IMAGENET}"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


numbers = st.one_of(st.integers(0, 300), st.integers(0, 999_999), st.sampled_from([65_536, 65_537, 100_001]))


@given(st.lists(numbers, min_size=1, max_size=34), st.lists(numbers, max_size=34), st.booleans())
def test_the_short_way_of_plain_texts_ends_where_the_grammar_does(
    blocks: list[int], channels: list[int], same: bool
) -> None:
    """Texts of blocks and channels alone do not pass through the grammar; their meaning must not differ."""
    channels = (channels * len(blocks) + blocks)[: len(blocks)] if same else channels
    text = f"[{','.join(map(str, blocks))}]x[{','.join(map(str, channels))}]"
    try:
        expected: ArchSpec | str = to_arch(read(text))
    except SpecError as error:
        expected = str(error)
    try:
        came: ArchSpec | str = parse(text)
    except SpecError as error:
        came = str(error)
    assert came == expected
    if isinstance(came, ArchSpec):
        assert came == ArchSpec.make(blocks, channels)
        assert hash(came) == hash(expected)


def test_option_values() -> None:
    spec = parse("[1,1]x[64,64] block=bottleneck stem=tiered attn=se:8 norm=group:8 pool=2 bias=yes")
    assert spec.stem == Stem("tiered", 32)
    assert spec.stem.widths == (24, 32, 64)
    assert spec.attn == Attention("se", 8)
    assert spec.norm == Norm("group", 8)
    assert spec.pool == 2
    assert spec.bias


# (text, the part that the carets must stand under, words of the message)
ILL_FORMED = [
    ("", "", "expected a name or [blocks]x[channels]"),
    ("[2,1", "", 'expected "," or "]", but the text ends'),
    ("[2,1]", "", '"x" between the blocks and the channels'),
    ("[2,1]x", "", '"[" and the channels'),
    ("[]x[]", "]", "at least one number"),
    ("[2,,1]x[3,4]", ",", "expected a number"),
    ("[2,1]y[3,4]", "y", '"x" between'),
    ("[2;1]x[3,4]", ";", "not part of the language"),
    ("[2,-1]x[3,4]", "-", "not part of the language"),
    ("[2,1,1,1]x[64,128,256,512,512]", "[64,128,256,512,512]", "5 channels for 4 stages"),
    ("[2,1]x[64]", "[64]", "1 channel for 2 stages"),
    ("[2,0]x[64,128]", "0", "blocks must be 1 to"),
    ("[1]x[1000000000]", "1000000000", "channels must be 1 to 65,536, not 1,000,000,000"),
    ("[1]x[99999999999999999999]", "99999999999999999999", "out of range"),
    ("[1]x[64] kernel=4", "4", "a kernel is odd"),
    ("[1,1]x[64,64] kernel=[3,4]", "4", "a kernel is odd"),
    ("[1,1]x[64,64] stride=[1,2,2]", "[1,2,2]", "stride has 3 entries for 2 stages"),
    ("[1]x[64] stride=2", "2", "stride is a list"),
    ("[1]x[64] shortcut=conv2", "conv2", "did you mean conv3 or conv1"),
    ("[1]x[64] blokc=basic", "blokc", "did you mean block"),
    ("[1]x[64] block=basic block=basic", "block", "given twice"),
    ("[1]x[64]classes=3", "classes", "expected a blank"),
    ("[1]x[64] classes", "", '"=" after'),
    ("[1]x[64] classes=", "", "expected a value"),
    ("[1]x[64] classes=ten", "ten", "classes is a whole number, not ten"),
    ("[1]x[64] kernel=1.5", "1.5", "kernel is a whole number, not 1.5"),
    ("[1]x[64] kernel=4", "4", "a kernel is odd, not 4"),
    ("[1]x[64] block=uib start=4", "4", "a start is 0 or odd, not 4"),
    ("[1]x[64] classes=0", "0", "classes must be 1 to"),
    ("[1]x[64] input=32", "32", "channels x height x width"),
    ("[1]x[64] input=3x0x32", "3x0x32", "input size must be 1 to"),
    ("[1]x[64] bias=maybe", "maybe", "yes or no"),
    ("[1]x[64] attn=eca:3", "eca:3", "takes no number"),
    ("[1]x[64] pool=64", "64", "larger than the last map"),
    ("[1]x[64] pool=8x64", "8x64", "pool=8x64 is larger than the last map"),
    ("[1]x[64] pool=16x17", "16x17", "is one window, and the last map, 32x32, has room for a second"),
    ("[1]x[64] pool=3x4x5", "3x4x5", "global, a window or max:N"),
    ("[1]x[64] groups=32", "32", "groups needs bottlenecks"),
    ("[1..4]x[64]", "1..4", "names several networks"),
    ("[1]*3x[64]", "[1]*3", "names several networks"),
    ("[{1,2}]x[64]", "{1,2}", "names several networks"),
    ("resnet11", "resnet11", "did you mean"),
    ("resnet10 resnet12", "", '"=" after'),
    ("classes=10", "classes", "a name or [blocks]x[channels] before the options"),
    ("[1,1]x[64,32] shortcut=pad", "pad", "cannot take 64 channels to fewer"),
    ("[1]x[63] block=bottleneck norm=group:2", "group:2", "does not divide 63 channels"),
    ("[1]x[4] norm=group:4 input=3x1x1", "group:4", "leaves single values to normalise in stage 1"),
]


@pytest.mark.parametrize(
    ("text", "pointed_at", "words"), ILL_FORMED, ids=[text or "empty" for text, _, _ in ILL_FORMED]
)
def test_an_ill_formed_text_is_pointed_at(text: str, pointed_at: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    error = caught.value
    message, shown, carets = str(error).split("\n")
    assert words in message
    assert shown.rstrip() == ("  " + text).rstrip()
    start = carets.index("^") - 2
    assert set(carets.strip()) == {"^"}
    assert text[start : start + len(pointed_at)] == pointed_at
    assert len(carets.strip()) == max(1, len(pointed_at))
    if pointed_at == "":
        assert start == len(text)


@given(st.text(max_size=80) | st.text(alphabet="[]{}x*.,:=_ 0123456789abcekns\n", max_size=60))
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    try:
        spec = parse(text)
    except SpecError as error:
        assert str(error)
    else:
        assert parse(str(spec)) == spec


@pytest.mark.parametrize(
    "text",
    [
        "[" * 4000,
        "[" + "1," * 2000,
        "[1]x[" + "9" * 4000 + "]",
        "[1]x[64] " + "a" * 4000,
        "{" * 4000,
        "x" * 5000,
    ],
)
def test_long_texts_are_refused_in_a_few_lines(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert len(str(caught.value)) < 400


def test_every_zoo_name_is_a_spec() -> None:
    for known in zoo.entries():
        assert parse(known.name) == parse(known.spec)
        assert known.source


def test_replace_keeps_defaults_that_follow_from_other_fields() -> None:
    spec = parse("[2,1,1,1]x[64,128,256,512]")
    assert str(spec.replace(blocks=(1, 1), channels=(16, 32))) == "[1,1]x[16,32]"
    assert str(spec.replace(stem="conv7")) == "[2,1,1,1]x[64,128,256,512] stem=conv7"
    assert str(parse("[1]x[8] stem=16").replace(channels=(4,))) == "[1]x[4] stem=16"


def test_a_spec_is_frozen_and_hashable() -> None:
    spec = parse("resnet12")
    assert len({spec, parse("resnet12")}) == 1
    with pytest.raises(AttributeError):
        spec.classes = 3  # type: ignore[misc]  # that it is refused is what is tested


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": "mbconv", "expand": 4 / 3}, "expand has 12 digits at most"),
        ({"block": "mbconv", "expand": float("nan")}, "expand must be 1 to 64, not NaN"),
        ({"norm": ([], 1)}, "norm is batch"),
        ({"stem": ([], 1)}, "stem is conv3"),
        ({"pool": "all"}, "pool is global, a window or max:N, not 'all'"),
    ],
)
def test_what_no_text_can_say_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ArchSpec.make((1,), (8,), **options)


def test_values_that_a_text_can_say_are_read_back() -> None:
    for options in ({"block": "mbconv", "expand": 1.33333333333}, {"pool": "global"}):
        spec = ArchSpec.make((1,), (8,), **options)
        assert parse(str(spec)) == spec


def test_equal_strides_go_on_where_the_number_of_stages_changes() -> None:
    spec = parse("[2,2]x[16,16] stride=[2,2]").replace(blocks=(1, 1, 1), channels=(8, 8, 8))
    assert spec == parse("[1,1,1]x[8,8,8] stride=[2,2,2]")
