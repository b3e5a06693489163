"""Mobile networks that have a name.

Those with a width or a depth in their name are made from the table of their paper as the authors scale it:
channels to multiples of 8 (`archkit.blocks.widths.divisible`), depths rounded up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from archkit.spec.known import (
    TF,
    TIMM,
    Known,
    Run,
    blocks_and_options,
    deepened,
    runs_of,
    scaled,
    stem_option,
    widened,
)

__all__ = ["mobile"]

_V1: Final = "Howard et al. 2017, MobileNets"
_V2: Final = "Sandler et al. 2018, MobileNetV2"
_V3: Final = "Howard et al. 2019, Searching for MobileNetV3"
_V4: Final = "Qin et al. 2024, MobileNetV4"
_MNAS: Final = "Tan et al. 2019, MnasNet"
_LC: Final = "Cui et al. 2021, PP-LCNet"
_FB: Final = "Wu et al. 2019, FBNet"
_FB3: Final = "Dai et al. 2021, FBNetV3"
_TINY: Final = "Banbury et al. 2021, MLPerf Tiny; Zhang et al. 2017, Hello Edge"
_SP: Final = "Stamoulis et al. 2019, Single-Path NAS"


def _mobile_v1() -> Iterator[Known]:
    rows = runs_of("1x64,2x128 s2,2x256 s2,6x512 s2,2x1024 s2", act="relu6", block="depthwise")
    for name, times, head in (("100", "1", ""), ("100h", "1", "head_conv=1024"), ("125", "1.25", "")):
        spec = blocks_and_options(widened(rows, times), stem_option(scaled(32, times)), head)
        yield Known(f"mobilenetv1_{name}", spec, _V1)


_MOBILE_V2: Final = "1x16 e1,2x24 s2,3x32 s2,4x64 s2,3x96,3x160 s2,1x320"


def _mobile_v2() -> Iterator[Known]:
    rows = runs_of(_MOBILE_V2, act="relu6")
    for name, width in (("035", "0.35"), ("050", "0.5"), ("075", "0.75"), ("100", "1"), ("140", "1.4")):
        head = max(1280, scaled(1280, width))
        options = (stem_option(scaled(32, width)), f"head_conv={head}")
        yield Known(f"mobilenetv2_{name}", blocks_and_options(widened(rows, width), *options), _V2)
    for name, width, depth in (("110d", "1.1", "1.2"), ("120d", "1.2", "1.4")):
        deep = deepened(widened(rows, width), depth, ends=False)
        yield Known(f"mobilenetv2_{name}", blocks_and_options(deep, stem_option(32), "head_conv=1280"), TIMM)
    yield Known("mobilenet_v2", blocks_and_options(rows, stem_option(32), "head_conv=1280"), _V2)


def _mobile_v3() -> Iterator[Known]:
    large = (
        "1x16 e1 arelu,1x24 s2 e4 arelu,1x24 e3 arelu,3x40 s2 k5 e3 qv3 arelu,1x80 s2 e6,1x80 e2.5,2x80 e2.3,"
        "2x112 e6 qv3,3x160 s2 k5 e6 qv3"
    )
    small = (
        "1x16 s2 e1 qv3 arelu,1x24 s2 e4.5 arelu,1x24 e3.67 arelu,1x40 s2 k5 e4 qv3,2x40 k5 e6 qv3,"
        "2x48 k5 e3 qv3,3x96 s2 k5 e6 qv3"
    )
    deep = (
        "2x16 e1 arelu,1x24 s2 e4 arelu,2x24 e3 arelu,4x40 s2 k5 e3 qv3 arelu,1x80 s2 e6,2x80 e2.5,2x80 e2.3,"
        "3x112 e6 qv3,4x160 s2 k5 e6 qv3,1x960 e1 k1 bfused-mbconv"
    )
    sizes = {"large": (large, 960, 1280), "small": (small, 576, 1024)}

    def spec(rows: Sequence[Run], width: str, head: int, hidden: int, *more: str) -> str:
        stem = 16 if Decimal(width) < Decimal("0.75") else scaled(16, width)
        ends = (stem_option(stem), f"head_conv={scaled(head, width)}", f"head_hidden={hidden}")
        return blocks_and_options(widened(rows, width), *more, *ends)

    for size, (table, head, hidden) in sizes.items():
        rows = runs_of(table, act="hswish")
        plain = tuple(run._replace(kernel=3, se="none", act="relu") for run in rows)
        widths = {"large": ("0.75", "1"), "small": ("0.5", "0.75", "1")}[size]
        for width in widths:
            name = f"{size}_{int(100 * Decimal(width)):03}"
            yield Known(f"mobilenetv3_{name}", spec(rows, width, head, hidden), _V3)
            if width != "0.5":
                yield Known(f"tf_mobilenetv3_{name}", spec(rows, width, head, hidden, TF), _V3)
        yield Known(f"tf_mobilenetv3_{size}_minimal_100", spec(plain, "1", head, hidden, TF), _V3)
        yield Known(f"mobilenet_v3_{size}", spec(rows, "1", head, hidden, "norm=batch-tf"), _V3)
    rows = runs_of(deep, act="hswish")
    yield Known("mobilenetv3_large_150d", spec(rows, "1.5", 960, 1280), "timm, models/mobilenetv3.py")


def _mobile_v4() -> Iterator[Known]:
    conv = "bfused-mbconv e1 jno"
    small = (
        f"1x32 s2 {conv},1x32 k1 {conv},1x96 s2 {conv},1x64 k1 {conv},1x96 s2 f5 d5 e3,4x96 e2,1x96 f3 d0 e4,"
        "1x128 s2 f3 e6,1x128 f5 d5 e4,1x128 d5 e4,1x128 d5 e3,2x128 e4"
    )
    medium = (
        "1x48 s2 e4 bfused-mbconv,1x80 s2 f3 d5 e4,1x80 f3 e2,1x160 s2 f3 d5 e6,2x160 f3 e4,1x160 f3 d5 e4,"
        "1x160 f3 e4,1x160 f3 d0 e4,1x160 d0 e2,1x160 f3 d0 e4,1x256 s2 f5 d5 e6,1x256 f5 d5 e4,"
        "2x256 f3 d5 e4,1x256 d0 e4,1x256 f3 d0 e4,1x256 f3 d5 e2,1x256 f5 d5 e4,2x256 d0 e4,1x256 f5 d0 e2"
    )
    large = (
        "1x48 s2 e4 bfused-mbconv,1x96 s2 f3 d5 e4,1x96 f3 e4,1x192 s2 f3 d5 e4,3x192 f3 e4,1x192 f3 d5 e4,"
        "5x192 f5 e4,1x192 f3 d0 e4,4x512 s2 f5 d5 e4,1x512 f5 d0 e4,1x512 f5 e4,2x512 f5 d0 e4,1x512 f5 e4,"
        "1x512 f5 d5 e4,3x512 f5 d0 e4"
    )
    for name, table, width, stem, aa in (
        ("small", small, "1", 32, ""),
        ("small_050", small, "0.5", 32, ""),
        ("small_035", small, "0.35", 32, ""),
        ("medium", medium, "1", 32, ""),
        ("aa_medium", medium, "1", 32, "aa=avg"),
        ("blur_medium", medium, "1", 32, "aa=blur-zeros"),
        ("large", large, "1", 24, ""),
        ("aa_large", large, "1", 24, "aa=avg"),
    ):
        runs = widened(runs_of(table, block="uib"), width)
        ends = (stem_option(stem), f"head_conv={scaled(960, width)}", "head_hidden=1280", "head_bias=norm")
        yield Known(f"mobilenetv4_conv_{name}", blocks_and_options(runs, aa, *ends), _V4)


def _mobile_v3_kin() -> Iterator[Known]:
    rw = runs_of(
        "1x16 e1 arelu jno,1x24 s2 e4 arelu,1x24 e3 arelu,3x40 s2 k5 e3 qhidden-hard arelu,1x80 s2 e6,"
        "1x80 e2.5,2x80 e2.3,2x112 e6 qhidden-hard,3x160 s2 k5 e6 qhidden-hard",
        act="hswish",
    )
    ends = ("norm=batch-tf", stem_option(16), "head_conv=960", "head_hidden=1280", "head_bias=no")
    yield Known("mobilenetv3_rw", blocks_and_options(rw, *ends), "timm, models/mobilenetv3.py")
    gate = "qfbnet"
    b = (
        f"2x16 e1,1x24 s2 k5 e4,3x24 k5 e2,1x40 s2 k5 e5 {gate},4x40 k5 e3 {gate},1x72 s2 k5 e5,4x72 e3,"
        f"1x120 e5 {gate},5x120 k5 e3 {gate},1x184 s2 e6 {gate},5x184 k5 e4 {gate},1x224 k5 e6 {gate}"
    )
    d = (
        f"2x16 e1,1x24 s2 e5,5x24 e2,1x40 s2 k5 e4 {gate},4x40 e3 {gate},1x72 s2 e5,4x72 e3,"
        f"1x128 e5 {gate},6x128 k5 e3 {gate},1x208 s2 e6 {gate},5x208 k5 e5 {gate},1x240 k5 e6 {gate}"
    )
    g = (
        f"3x24 e1,1x40 s2 k5 e4,4x40 k5 e2,1x56 s2 k5 e4 {gate},4x56 k5 e3 {gate},1x104 s2 k5 e5,4x104 e3,"
        f"1x160 e5 {gate},8x160 k5 e3 {gate},1x264 s2 e6 {gate},6x264 k5 e5 {gate},2x288 k5 e6 {gate}"
    )
    for letter, table, stem, head in (("b", b, 16, 1344), ("d", d, 24, 1440), ("g", g, 32, 1728)):
        more = (stem_option(stem), f"head_conv={head}", "head_hidden=1984", "head_bias=no")
        yield Known(f"fbnetv3_{letter}", blocks_and_options(runs_of(table, act="hswish"), *more), _FB3)


def _lcnet() -> Iterator[Known]:
    rows = runs_of(
        "1x32,2x64 s2,2x128 s2,1x256 s2,1x256 k5,4x256 k5,2x512 s2 k5 qhard", act="hswish", block="depthwise"
    )
    for width in ("0.35", "0.5", "0.75", "1", "1.5"):
        spec = blocks_and_options(widened(rows, width), stem_option(scaled(16, width)), "head_hidden=1280")
        yield Known(f"lcnet_{int(100 * Decimal(width)):03}", spec, _LC)


def _mnasnet() -> Iterator[Known]:
    b1 = runs_of("1x16 e1,3x24 s2 e3,3x40 s2 k5 e3,3x80 s2 k5,2x96,4x192 s2 k5,1x320")
    a1 = runs_of("1x16 e1,2x24 s2,3x40 s2 k5 e3 qinput,4x80 s2,2x112 qinput,3x160 s2 k5 qinput,1x320")
    end = "head_conv=1280"
    for name, width in (("050", "0.5"), ("075", "0.75"), ("100", "1"), ("140", "1.4")):
        stem = stem_option(scaled(32, width))
        yield Known(f"mnasnet_{name}", blocks_and_options(widened(b1, width), stem, end), _MNAS)
        yield Known(f"semnasnet_{name}", blocks_and_options(widened(a1, width), stem, end), _MNAS)
    for name, width in (("0_5", "0.5"), ("0_75", "0.75"), ("1_0", "1"), ("1_3", "1.3")):
        spec = blocks_and_options(widened(b1, width), stem_option(scaled(32, width)), end)
        yield Known(f"mnasnet{name}", spec, _MNAS)
    small = runs_of("1x8 e1,1x16 s2 e3,2x16 s2,4x32 s2 k5 qinput,3x32 qinput,3x88 s2 k5 qinput,1x144")
    yield Known("mnasnet_small", blocks_and_options(small, stem_option(8), end), _MNAS)
    spnas = runs_of(
        "1x16 e1,3x24 s2 e3,1x40 s2 k5,3x40 e3,1x80 s2 k5,3x80 e3,1x96 k5,3x96 k5 e3,4x192 s2 k5,1x320"
    )
    yield Known("spnasnet_100", blocks_and_options(spnas, stem_option(32), end), _SP)
    fbnet = runs_of(
        "1x16 e1,1x24 s2,2x24 e1,1x32 s2 k5,1x32 k5 e3,1x32 k5,1x32,1x64 s2 k5,1x64 k5 e3,2x64 k5,"
        "3x112 k5,1x112 k5 e3,4x184 s2 k5,1x352"
    )
    yield Known(
        "fbnetc_100",
        blocks_and_options(fbnet, "expand_conv=always", stem_option(16), "head_conv=1984"),
        _FB,
    )


def _keyword_spotting() -> Iterator[Known]:
    """Of 49 moments by 10 features: ten words, silence, and any other word.

    Its pooling is as large as half the image, rounded down, and so leaves out the last of 25 rows.
    """
    spec = f"[4]x[64] block=depthwise bias=yes stem=conv10x4s2 {TF} pool=24x5 input=1x49x10 classes=12"
    yield Known("ds-cnn", spec, _TINY)


def mobile() -> Iterator[Known]:
    """Every one of them."""
    for part in (
        *(_mobile_v1, _mobile_v2, _mobile_v3, _mobile_v3_kin, _mobile_v4, _lcnet, _mnasnet),
        _keyword_spotting,
    ):
        yield from part()
