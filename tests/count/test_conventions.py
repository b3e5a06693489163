"""Figures that others published under conventions that the notation does not show."""

from __future__ import annotations

import pytest

from archkit.count import count, totals
from archkit.count.formulas import layer_equation1
from archkit.count.memory import memory
from archkit.errors import SpecError
from archkit.plan import layout
from archkit.spec import ArchSpec, parse, parse_space, zoo

# He et al. 2016a, table 1: 3.8, 7.6 and 11.3e9 multiply-adds; the digits are those of hooks on torchvision's
# modules with the stride moved to the first conv.
V1 = {
    "resnet50": (25_557_032, 3_857_973_248, 4_089_184_256),
    "resnet101": (44_549_160, 7_570_194_432, 7_801_405_440),
    "resnet152": (60_192_808, 11_282_415_616, 11_513_626_624),
}


@pytest.mark.parametrize("name", V1)
def test_v1_has_the_parameters_of_v15_and_fewer_macs(name: str) -> None:
    params, v1, v15 = V1[name]
    assert totals(parse(f"{name}-v1"))[:2] == (params, v1)
    assert totals(parse(name))[:2] == (params, v15)
    # In three stages the first 1x1 conv works on a quarter of the map: from 256 to 128 channels at 56x56, and
    # twice as many at half the size, which comes to the same.
    assert v15 - v1 == 3 * (256 * 128 * 56 * 56) * 3 // 4


def test_who_published_what() -> None:
    sources = {entry.name: entry.source for entry in zoo.entries()}
    for name in V1:
        assert sources[f"{name}-v1"] == sources["resnet34"] == "He et al. 2016, Deep Residual Learning"
        assert sources[name].startswith("Goyal et al. 2017")
        assert "v1.5" in sources[name]


def test_keras_resnet50() -> None:
    """keras.applications: v1, with a bias in every conv. Its total has the moving statistics too."""
    spec = parse("resnet50-v1 bias=yes")
    channels = (
        64 + 3 * (64 + 64 + 256) + 4 * (128 + 128 + 512) + 6 * (256 + 256 + 1024) + 3 * (512 + 512 + 2048)
    )
    channels += 256 + 512 + 1024 + 2048  # of the shortcuts
    assert channels == 26_560
    assert totals(spec).params == 25_557_032 + channels == 25_583_592
    moving = sum(2 * layer.out_shape[0] for layer in layout(spec) if layer.kind == "batch_norm")
    assert (moving, totals(spec).params + moving) == (53_120, 25_636_712)


def test_resnet8_of_mlperf_tiny() -> None:
    """Every conv has a bias, those of the shortcuts have no norm; 78,666 with the moving statistics."""
    spec = parse("[1,1,1]x[16,32,64] bias=yes shortcut_norm=no")
    stem = 3 * 9 * 16 + 16 + 2 * 16
    stages = [
        9 * (c_in + c) * c + 2 * c + 4 * c + (0 if c_in == c else c_in * c + c)
        for c_in, c in ((16, 16), (16, 32), (32, 64))
    ]
    assert totals(spec).params == stem + sum(stages) + 650 == 78_186
    assert totals(spec).macs == 12_501_632
    moving = 2 * (16 + 2 * 16 + 2 * 32 + 2 * 64)
    assert 78_186 + moving == 78_666
    assert memory(spec).weights == 4 * 78_186


def test_ds_cnn_of_mlperf_tiny() -> None:
    """By hand: a conv of 10x4 to maps of 25x5, four separable blocks; 24,908 with the moving statistics.

    Keras prints that total for MLPerf Tiny's model (tests/count/keras.csv).
    """
    spec = parse("ds-cnn")
    norm, at = 2 * 64, 25 * 5
    depthwise, pointwise, last = 9 * 64 + 64, 64 * 64 + 64, 64 * 12 + 12
    stem = 10 * 4 * 64 + 64
    found = totals(spec)
    assert found.params == stem + norm + 4 * (depthwise + pointwise + 2 * norm) + last == 23_756
    assert found.macs == at * (10 * 4 * 64 + 4 * (9 * 64 + 64 * 64)) + 64 * 12 == 2_656_768
    assert found.activations == 9 * at * 64 + 12
    assert 23_756 + 9 * norm == 24_908
    # Of SAME: (25 - 1) * 2 + 10 - 49 rows of zeros and (5 - 1) * 2 + 4 - 10 columns.
    assert layout(spec).stem[0].out_shape == (1, 49 + 9, 10 + 2)
    assert count(spec).receptive_field == 10 + 4 * 2 * 2
    # Equation 1 has the rows and the columns of a kernel apart: (m n d + 1) k.
    assert layer_equation1(next(layer for layer in layout(spec) if layer.kind == "conv")) == 41 * 64


# The table of osmr/imgclsmob's pytorch/README.md.
OSMR = [
    ("[2,2,2,2]x[64,128,256,512] block=preact", 11_687_848),
    ("[3,4,6,3]x[64,128,256,512] block=preact", 21_796_008),
    ("[3,4,6,3]x[64,128,256,512] block=preact-bottleneck", 25_549_480),
    ("[3,4,23,3]x[64,128,256,512] block=preact-bottleneck", 44_541_608),
    ("[3,8,36,3]x[64,128,256,512] block=preact-bottleneck", 60_185_256),
    ("[3,24,36,3]x[64,128,256,512] block=preact-bottleneck", 64_666_280),
]


@pytest.mark.parametrize(("text", "params"), OSMR)
def test_a_norm_behind_the_stem_of_pre_activation(text: str, params: int) -> None:
    spec = parse(f"{text} stem=conv7 stem_norm=yes input=3x224x224 classes=1000")
    assert totals(spec).params == params
    assert totals(spec.replace(stem_norm=False)).params == params - 128


def test_in_spaces() -> None:
    space = parse_space(
        "[1..2,1]x[16,{16,32}] block=bottleneck stride_at={first,middle} shortcut_norm={yes,no}"
    )
    assert space.size() == 16
    assert {str(one.text) for one in space.combinations} == {
        f"block=bottleneck stride_at={at} shortcut_norm={norm}"
        for at in ("first", "middle")
        for norm in ("yes", "no")
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1,1]x[16,32] stride_at=first", "stride_at needs bottlenecks; stage 1 has basic blocks"),
        (
            "[1,1]x[16,32] stem_norm=yes",
            "stem_norm needs block=preact or block=preact-bottleneck; stage 1 has basic blocks",
        ),
        (
            "[1,1]x[16,32] block=preact shortcut_norm=no",
            "shortcut_norm needs block=basic or block=bottleneck; stage 1 has basic blocks",
        ),
    ],
)
def test_families_that_do_not_take_them(text: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse(text)


def test_their_defaults_say_nothing_new() -> None:
    plain = ArchSpec.make((1, 2), (16, 32), block="bottleneck")
    assert str(plain.replace(stride_at="middle", shortcut_norm=True)) == "[1,2]x[16,32] block=bottleneck"
