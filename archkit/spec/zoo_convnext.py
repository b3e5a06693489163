"""ConvNeXts that have a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archkit.spec.known import IMAGENET, Known

__all__ = ["convnexts"]

_SOURCE: Final = "Liu et al. 2022, A ConvNet for the 2020s"
_V2: Final = "Woo et al. 2023, ConvNeXt V2"
_TIMM: Final = "timm, models/convnext.py"

_CONVNEXTS: Final = {
    "atto": ("2,2,6,2", 40, _TIMM),
    "femto": ("2,2,6,2", 48, _TIMM),
    "pico": ("2,2,6,2", 64, _TIMM),
    "nano": ("2,2,8,2", 80, _TIMM),
    "tiny": ("3,3,9,3", 96, _SOURCE),
    "small": ("3,3,27,3", 96, _SOURCE),
    "base": ("3,3,27,3", 128, _SOURCE),
    "large": ("3,3,27,3", 192, _SOURCE),
    "xlarge": ("3,3,27,3", 256, _SOURCE),
}


def _spec(blocks: str, width: int | tuple[int, ...], *more: str, stem: str = "patch4") -> str:
    """A text; one width is that of the first stage, and doubles from stage to stage."""
    widths = tuple(width * times for times in (1, 2, 4, 8)) if isinstance(width, int) else width
    stem = f"stem={stem}" if widths[0] == 96 else f"stem={stem}:{widths[0]}"
    return " ".join((f"[{blocks}]x[{','.join(map(str, widths))}] block=convnext", *more, stem, IMAGENET))


_MORE: Final = {
    "convnext_large_mlp": _spec("3,3,27,3", 192, "head_hidden=1536"),
    "convnext_xxlarge": _spec("3,4,30,3", 384, "norm=layer-torch"),
    "convnext_tiny_hnf": _spec("3,3,9,3", 96, "head_norm=map"),
    "convnext_atto_rms": _spec("2,2,6,2", 40, "norm=rms"),
    "convnext_zepto_rms": _spec("2,2,4,2", 32, "norm=simple"),
    "convnext_zepto_rms_ols": _spec("2,2,4,2", 32, "norm=simple", stem="overlap-act"),
    "test_convnext": _spec("1,2,4,2", (24, 32, 48, 64), "act=gelu-tanh", "norm=layer-torch"),
    "test_convnext2": _spec("1,1,1,1", (32, 64, 96, 128), "act=gelu-tanh", "norm=layer-torch"),
    "test_convnext3": _spec("1,1,1,1", (32, 64, 96, 128), "kernel=[7,5,5,3]", "act=silu", "norm=layer-torch"),
}


def convnexts() -> Iterator[Known]:
    """Every one of them."""
    for name, (blocks, width, source) in _CONVNEXTS.items():
        yield Known(f"convnext_{name}", _spec(blocks, width), source)
    for name in ("atto", "femto", "pico", "nano"):
        blocks, width, source = _CONVNEXTS[name]
        stem = "overlap" if name == "nano" else "overlap-tiered"
        yield Known(f"convnext_{name}_ols", _spec(blocks, width, stem=stem), source)
    for name, spec in _MORE.items():
        yield Known(name, spec, _TIMM)
    for name, (blocks, width, _) in {**_CONVNEXTS, "huge": ("3,3,27,3", 352, _V2)}.items():
        if name != "xlarge":
            yield Known(f"convnextv2_{name}", _spec(blocks, width, "layer_scale=no", "grn=yes"), _V2)
