"""MixNets that have a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archkit.spec.known import Known, blocks_and_options, runs_of, scaled, stem_option, widened

__all__ = ["mixnets"]

_SOURCE: Final = "Tan and Le 2019, MixConv: Mixed Depthwise Convolutional Kernels"
_TIMM: Final = "timm, models/efficientnet.py"

_SMALL: Final = (
    "1x16 e1,1x24 s2 pboth,1x24 e3 pboth,"
    "1x40 s2 m3 qinput:2 asilu,3x40 m2 qinput:2 asilu pboth,"
    "1x80 s2 m3 qinput asilu pproject,2x80 m2 qinput asilu pproject,"
    "1x120 m3 qinput:2 asilu pboth,2x120 e3 m4 qinput:2 asilu pboth,"
    "1x200 s2 m5 qinput:2 asilu,2x200 m4 qinput:2 asilu pproject"
)
_MEDIUM: Final = (
    "1x24 e1,1x32 s2 m3 pboth,{a}x32 e3 pboth,"
    "1x40 s2 m4 qinput:2 asilu,{b}x40 m2 qinput:2 asilu pboth,"
    "1x80 s2 m3 qinput asilu,{b}x80 m4 qinput asilu pboth,"
    "1x120 qinput:2 asilu,{b}x120 e3 m4 qinput:2 asilu pboth,"
    "1x200 s2 m4 qinput:2 asilu,{b}x200 m4 qinput:2 asilu pproject"
)
_SIZES: Final = {
    # Further blocks of the second stage and of those behind it; times the widths.
    "m": (1, 3, "1", _SOURCE),
    "l": (1, 3, "1.3", _SOURCE),
    "xl": (1, 4, "1.6", _TIMM),
    "xxl": (2, 4, "2.4", _TIMM),
}


def mixnets() -> Iterator[Known]:
    """Every one of them, and TensorFlow's with its padding and epsilon."""
    end = ("ends_act=relu", "head_conv=1536")
    texts = {"s": ((runs_of(_SMALL), 16), _SOURCE)}
    for size, (a, b, times, source) in _SIZES.items():
        runs = widened(runs_of(_MEDIUM.format(a=a, b=b)), times)
        texts[size] = ((runs, scaled(24, times)), source)
    for size, ((runs, stem), source) in texts.items():
        yield Known(f"mixnet_{size}", blocks_and_options(runs, stem_option(stem), *end), source)
        if size in ("s", "m", "l"):
            text = blocks_and_options(runs, "norm=batch-tf padding=same", stem_option(stem), *end)
            yield Known(f"tf_mixnet_{size}", text, source)
