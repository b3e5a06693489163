"""EfficientNets and their kin that have a name; see `archkit.spec.zoo_mobile` for how they are scaled."""

from __future__ import annotations

from collections.abc import Iterator
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

__all__ = ["efficient"]

_EFF: Final = "Tan and Le 2019, EfficientNet"
_EFF2: Final = "Tan and Le 2021, EfficientNetV2"
_EDGE: Final = "Gupta and Tan 2019, EfficientNet-EdgeTPU"
_TINY: Final = "Han et al. 2020, Model Rubik's Cube (TinyNet)"
_GN: Final = "Wu and He 2018, Group Normalization"
_TPU: Final = "Akin et al. 2022, Searching for Efficient Neural Architectures for On-Device ML on Edge TPUs"

_EFFICIENTNET: Final = "1x16 e1,2x24 s2,2x40 s2 k5,3x80 s2,3x112 k5,4x192 s2 k5,1x320"
_SIZES: Final = (
    ("b0", "1", "1"),
    ("b1", "1", "1.1"),
    ("b2", "1.1", "1.2"),
    ("b3", "1.2", "1.4"),
    ("b4", "1.4", "1.8"),
    ("b5", "1.6", "2.2"),
    ("b6", "1.8", "2.6"),
    ("b7", "2", "3.1"),
    ("b8", "2.2", "3.6"),
    ("l2", "4.3", "5.3"),
)


def _efficientnet() -> Iterator[Known]:
    rows = runs_of(_EFFICIENTNET, act="silu", se="input")

    def spec(width: str, depth: str, *more: str, by: int = 8, group_width: int = 0) -> str:
        runs = deepened(widened(rows, width, by), depth)
        runs = tuple(run._replace(group_width=group_width) for run in runs)
        ends = (stem_option(scaled(32, width, by)), f"head_conv={scaled(1280, width, by)}")
        return blocks_and_options(runs, *more, *ends)

    for name, width, depth in _SIZES:
        yield Known(f"efficientnet_{name}", spec(width, depth), _EFF)
        yield Known(f"tf_efficientnet_{name}", spec(width, depth, TF), _EFF)
    yield Known("efficientnet_blur_b0", spec("1", "1", "aa=blur-zeros"), TIMM)
    group8, group16 = "norm=group-width:8", "norm=group-width:16"
    yield Known("efficientnet_b0_gn", spec("1", "1", group8), _GN)
    yield Known("efficientnet_b0_g8_gn", spec("1", "1", group8, group_width=8), _GN)
    # Not what its name says: timm 1.0.31 builds it with batch norm.
    yield Known("efficientnet_b0_g16_evos", spec("1.0", "1", by=16, group_width=16), TIMM)
    yield Known("efficientnet_b3_gn", spec("1.2", "1.4", group16, by=16), _GN)
    yield Known("efficientnet_b3_g8_gn", spec("1.2", "1.4", group16, by=16, group_width=8), _GN)
    lite = tuple(run._replace(act="relu6", se="none") for run in rows)
    for i, (_, width, depth) in enumerate(_SIZES[:5]):
        runs = deepened(widened(lite, width), depth, ends=False)
        for prefix, more in (("", ""), ("tf_", TF)):
            text = blocks_and_options(runs, more, stem_option(32), "head_conv=1280")
            yield Known(f"{prefix}efficientnet_lite{i}", text, _EFF)
    # Depths to the nearest whole number, and the stem as it is.
    for name, width, depths in (
        ("a", "1", (1, 2, 2, 4, 4, 5, 1)),
        ("b", "0.75", (1, 2, 2, 3, 3, 4, 1)),
        ("c", "0.54", (1, 2, 2, 3, 3, 3, 1)),
        ("d", "0.54", (1, 1, 1, 2, 2, 3, 1)),
        ("e", "0.51", (1, 1, 1, 2, 2, 2, 1)),
    ):
        runs = tuple(run._replace(n=n) for run, n in zip(widened(rows, width), depths, strict=True))
        yield Known(f"tinynet_{name}", blocks_and_options(runs, stem_option(32), "head_conv=1280"), _TINY)


def _edge() -> Iterator[Known]:
    rows = runs_of(
        "1x24 e3 bfused-mbconv,2x32 s2 bfused-mbconv,4x48 s2 bfused-mbconv,5x96 s2 k5,4x144 k5,2x192 s2 k5",
        expand="8",
    )
    for prefix, more in (("", ""), ("tf_", TF)):
        text = blocks_and_options(rows, more, stem_option(32), "head_conv=1280")
        yield Known(f"{prefix}efficientnet_es", text, _EDGE)
    # Its first blocks expand what the table says to enter, and add nothing; what enters is the stem.
    fused = "bfused-mbconv"
    medium = runs_of(
        f"1x24 e3 {fused},1x24 e4 jno {fused},3x32 s2 {fused},5x48 s2 {fused},6x96 s2 k5,5x144 k5,"
        "3x192 s2 k5",
        expand="8",
    )
    larger = runs_of(
        f"1x32 e3.2 {fused},1x32 e4 jno {fused},3x40 s2 {fused},6x56 s2 {fused},7x112 s2 k5,6x176 k5,"
        "3x232 s2 k5",
        expand="8",
    )
    for name, runs, stem, head in (("em", medium, 32, 1280), ("el", larger, 40, 1536)):
        for prefix, more in (("", ""), ("tf_", TF)):
            text = blocks_and_options(runs, more, stem_option(stem), f"head_conv={head}")
            yield Known(f"{prefix}efficientnet_{name}", text, _EDGE)
    v1 = runs_of(
        f"1x16 e1 k1 jno {fused},1x32 s2 e8 {fused},3x32 e4 {fused},1x48 s2 e8 {fused},3x48 e4 {fused},"
        "1x96 s2 e8,3x96 e4,1x96 e8 jno,3x96 e4,1x160 s2 k5 e8,3x160 k5 e4,1x192 e8"
    )
    yield Known("mobilenet_edgetpu_100", blocks_and_options(v1, stem_option(32), "head_conv=1280"), _TPU)


def _edge_v2() -> Iterator[Known]:
    for name, widths, stem, group, head in (
        ("xs", (16, 32, 48, 96, 144, 160, 192), stem_option(32), 64, 1280),
        ("s", (24, 48, 64, 128, 160, 192, 256), stem_option(64, "conv5s2"), 64, 1280),
        ("m", (32, 64, 80, 160, 192, 240, 320), stem_option(64, "conv5s2"), 64, 1344),
        ("l", (32, 64, 96, 192, 240, 256, 384), "stem=conv7:64 stem_pool=none", 128, 1408),
    ):
        c = widths
        f = "bfused-mbconv"
        table = (
            f"1x{c[0]} e1 k1 {f},1x{c[1]} s2 e8 {f},1x{c[1]} e4 g{group} {f},1x{c[2]} s2 e8 {f},"
            f"1x{c[2]} e4 g{group} {f},1x{c[2]} e4 {f},1x{c[2]} e4 g{group} {f},1x{c[3]} s2 e8 {f},"
            f"3x{c[3]} e4,1x{c[4]} e8,3x{c[4]} e4,1x{c[5]} s2 e8,3x{c[5]} e4,1x{c[6]} e8"
        )
        text = blocks_and_options(runs_of(table), stem, f"head_conv={head}")
        yield Known(f"mobilenet_edgetpu_v2_{name}", text, _TPU)


def _efficientnet_v2() -> Iterator[Known]:
    fused, gated = "bfused-mbconv", "qinput"

    def rows(table: str) -> tuple[Run, ...]:
        return runs_of(table.format(f=fused, q=gated), act="silu")

    s = rows(
        "2x24 e1 {f},4x48 s2 e4 {f},4x64 s2 e4 {f},6x128 s2 e4 {q},9x160 e6 {q},15x256 s2 e6 {q}",
    )
    m = rows(
        "3x24 e1 {f},5x48 s2 e4 {f},5x80 s2 e4 {f},"
        "7x160 s2 e4 {q},14x176 e6 {q},18x304 s2 e6 {q},5x512 e6 {q}",
    )
    large = rows(
        "4x32 e1 {f},7x64 s2 e4 {f},7x96 s2 e4 {f},"
        "10x192 s2 e4 {q},19x224 e6 {q},25x384 s2 e6 {q},7x640 e6 {q}",
    )
    xl = rows(
        "4x32 e1 {f},8x64 s2 e4 {f},8x96 s2 e4 {f},"
        "16x192 s2 e4 {q},24x256 e6 {q},32x512 s2 e6 {q},8x640 e6 {q}",
    )
    base = rows("1x16 e1 {f},2x32 s2 e4 {f},2x48 s2 e4 {f},3x96 s2 e4 {q},5x112 e6 {q},8x192 s2 e6 {q}")
    end = "head_conv=1280"
    for name, runs, stem in (("s", s, 24), ("m", m, 24), ("l", large, 32), ("xl", xl, 32)):
        yield Known(f"efficientnetv2_{name}", blocks_and_options(runs, stem_option(stem), end), _EFF2)
        yield Known(f"tf_efficientnetv2_{name}", blocks_and_options(runs, TF, stem_option(stem), end), _EFF2)
        if name != "xl":
            text = blocks_and_options(runs, "norm=batch-tf", stem_option(stem), end)
            yield Known(f"efficientnet_v2_{name}", text, _EFF2)
    # To the nearest 8, and not up where that is a tenth less.
    for i, (channels, stem, head) in enumerate(
        (
            ((16, 32, 48, 96, 112, 192), 32, 1280),
            ((16, 32, 48, 96, 112, 192), 32, 1280),
            ((16, 32, 56, 104, 120, 208), 32, 1408),
            ((16, 40, 56, 112, 136, 232), 40, 1536),
        )
    ):
        depth = _SIZES[i][2]
        runs = tuple(run._replace(c=c) for run, c in zip(deepened(base, depth), channels, strict=True))
        text = blocks_and_options(runs, TF, stem_option(stem), f"head_conv={head}")
        yield Known(f"tf_efficientnetv2_b{i}", text, _EFF2)
    rw = (*s[:-1], s[-1]._replace(c=272))
    always = "expand_conv=always"
    yield Known(
        "efficientnetv2_rw_s", blocks_and_options(rw, always, stem_option(24), "head_conv=1792"), TIMM
    )
    wide = widened(rw, "1.2")
    medium = (*deepened(wide[:4], "1.2"), *deepened(wide[4:], "1.6"))
    yield Known(
        "efficientnetv2_rw_m",
        blocks_and_options(medium, always, stem_option(32), "head_conv=2152"),
        TIMM,
    )
    tiny = deepened(widened(s, "0.8"), "0.9")
    yield Known("efficientnetv2_rw_t", blocks_and_options(tiny, stem_option(24), "head_conv=1024"), TIMM)
    test = rows("1x16 e1 {f},1x24 s2 e4 {f},1x32 s2 e4 {f},1x48 s2 e4 {q},1x64 s2 e4 {q}")
    for suffix, norm in (("", ""), ("_gn", "norm=group-width:8"), ("_ln", "norm=layer-torch")):
        text = blocks_and_options(test, norm, stem_option(24), "head_conv=256")
        yield Known(f"test_efficientnet{suffix}", text, TIMM)


def efficient() -> Iterator[Known]:
    """Every one of them."""
    for part in (_efficientnet, _edge, _edge_v2, _efficientnet_v2):
        yield from part()
