"""ConvNeXts that have a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archkit.spec.known import IMAGENET, Known

__all__ = ["convnexts"]

_SOURCE: Final = "Liu et al. 2022, A ConvNet for the 2020s"
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


def convnexts() -> Iterator[Known]:
    """Every one of them; widths double from stage to stage."""
    for name, (blocks, width, source) in _CONVNEXTS.items():
        yield Known(f"convnext_{name}", _spec(blocks, width), source)
    for name in ("atto", "femto", "pico", "nano"):
        blocks, width, source = _CONVNEXTS[name]
        stem = "overlap" if name == "nano" else "overlap-tiered"
        yield Known(f"convnext_{name}_ols", _spec(blocks, width, stem=stem), source)
    yield Known("convnext_large_mlp", _spec("3,3,27,3", 192, "head_hidden=1536"), _TIMM)


def _spec(blocks: str, width: int, *more: str, stem: str = "patch4") -> str:
    channels = ",".join(str(width * times) for times in (1, 2, 4, 8))
    stem = f"stem={stem}" if width == 96 else f"stem={stem}:{width}"
    return " ".join((f"[{blocks}]x[{channels}] block=convnext", stem, *more, IMAGENET))
