"""What timm calls the layers of its ResNetV2: ResNets with pre-activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from archkit.blocks.family import Places

__all__ = ["PREACT_PLACES"]

_DEEP: Final = ("deep", "tiered")


def _timm(spec: Any) -> Places:
    stem = {"pool_pad": "stem.pad", "pool": "stem.pool", "conv": "stem.conv"}
    if spec.stem.kind in _DEEP:
        for i in (1, 2, 3):
            stem |= {
                f"conv{i}": f"stem.conv{i}",
                f"norm{i}": f"stem.norm{i}",
                f"relu{i}": f"stem.norm{i}.act",
            }
    inside = {"shortcut.pool": "downsample.pool", "shortcut.conv": "downsample.conv"}
    for i in (1, 2, 3):
        inside |= {f"conv{i}": f"conv{i}", f"norm{i}": f"norm{i}", f"relu{i}": f"norm{i}.act"}
    return Places(
        network="ResNetV2",
        stem=stem,
        head={"norm": "norm", "relu": "norm.act", "pool": "head.global_pool.pool", "fc": "head.fc"},
        blocks=[[f"stages.{i}.blocks.{j}." for j in range(n)] for i, n in enumerate(spec.blocks)],
        inside=lambda _: inside,
    )


PREACT_PLACES: Final[Mapping[str, Callable[[Any], Places | None]]] = {"timm": _timm}
"""For a library, the names of a network's layers; see `Family.places`."""
