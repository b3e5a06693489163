"""VGGs, by their names in timm and torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archkit.spec.known import IMAGENET, Known

__all__ = ["plain"]

_SOURCE: Final = "Simonyan and Zisserman 2015, Very Deep Convolutional Networks"

_DEPTHS: Final = {"11": "1,1,2,2,2", "13": "2,2,2,2,2", "16": "2,2,3,3,3", "19": "2,2,4,4,4"}


def plain() -> Iterator[Known]:
    """Every one of them; without a norm, as published, and with one."""
    for depth, blocks in _DEPTHS.items():
        for suffix, norm in (("", " norm=none"), ("_bn", "")):
            spec = (
                f"[{blocks}]x[64,128,256,512,512] block=plain stem=none{norm} bias=yes pool=max:2"
                f" head_hidden=4096x4096 {IMAGENET}"
            )
            yield Known(f"vgg{depth}{suffix}", spec, _SOURCE)
