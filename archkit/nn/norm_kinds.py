"""What each kind of norm is in torch: the rows that `archkit.nn.kinds` has of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import nn

from archkit.blocks import Norm
from archkit.nn.layers import ChannelNorm, ResponseNorm, RmsNorm, SimpleNorm
from archkit.nn.module_kind import COUNTER, TORCH, Attributes, ModuleKind, Shapes, in_torch
from archkit.plan import Layer

__all__ = ["NORMS", "norm_of"]

_WORDS: Final = (
    # The type, its word, and the word of one that has another epsilon.
    (ChannelNorm, "layer", "layer-torch", 1e-5),
    (RmsNorm, "rms", "rms", 0.0),
    (SimpleNorm, "simple", "simple", 0.0),
    (nn.Module, "batch", "batch-tf", 1e-3),
)


def _batch_norm_tensors(layer: Layer) -> Shapes:
    each = layer.in_shape[:1]
    return {**dict.fromkeys(("weight", "bias", "running_mean", "running_var"), each), COUNTER: ()}


def _of_channels(ours: str, timms: str) -> dict[str, Attributes]:
    """Norms of the channels of each position."""
    return dict.fromkeys(
        (f"archkit.nn.layers.{ours}", f"timm.layers.norm.{timms}"),
        lambda layer: {"normalized_shape": layer.in_shape[:1], "eps": 10.0**-layer.eps},
    )


NORMS: Final[Mapping[str, ModuleKind]] = {
    # A norm's momentum changes its training alone, and so it need not agree.
    "batch_norm": ModuleKind(
        make=lambda layer: nn.BatchNorm2d(layer.in_shape[0], eps=10.0**-layer.eps),
        types=in_torch(
            "batchnorm.BatchNorm2d",
            "batchnorm.SyncBatchNorm",
            attributes=lambda layer: {
                "num_features": layer.in_shape[0],
                "eps": 10.0**-layer.eps,
                "affine": True,
                "track_running_stats": True,
            },
        ),
        tensors=_batch_norm_tensors,
    ),
    "group_norm": ModuleKind(
        make=lambda layer: nn.GroupNorm(layer.groups, layer.in_shape[0]),
        types=dict.fromkeys(
            (f"{TORCH}normalization.GroupNorm", "timm.layers.norm.GroupNorm"),
            lambda layer: {
                "num_channels": layer.in_shape[0],
                "num_groups": layer.groups,
                "eps": 10.0**-layer.eps,
                "affine": True,
            },
        ),
        tensors=lambda layer: dict.fromkeys(("weight", "bias"), layer.in_shape[:1]),
    ),
    "layer_norm": ModuleKind(
        make=lambda layer: ChannelNorm(layer.in_shape[0], eps=10.0**-layer.eps),
        types=_of_channels("ChannelNorm", "LayerNorm2d"),
        tensors=lambda layer: dict.fromkeys(("weight", "bias"), layer.in_shape[:1]),
    ),
    "rms_norm": ModuleKind(
        make=lambda layer: RmsNorm(layer.in_shape[0], eps=10.0**-layer.eps),
        types=_of_channels("RmsNorm", "RmsNorm2d"),
        tensors=lambda layer: {"weight": layer.in_shape[:1]},
    ),
    "simple_norm": ModuleKind(
        make=lambda layer: SimpleNorm(layer.in_shape[0], eps=10.0**-layer.eps),
        types=_of_channels("SimpleNorm", "SimpleNorm2d"),
        tensors=lambda layer: {"weight": layer.in_shape[:1]},
    ),
    "response_norm": ModuleKind(
        make=lambda layer: ResponseNorm(layer.in_shape[0]),
        types={
            "archkit.nn.layers.ResponseNorm": lambda _: {"eps": 1e-6},
            "timm.layers.grn.GlobalResponseNorm": lambda _: {"eps": 1e-6, "channel_dim": 1},
        },
        tensors=lambda layer: dict.fromkeys(("weight", "bias"), layer.in_shape[:1]),
    ),
}
"""Every kind of norm, by its name in `archkit.plan.KINDS`."""


def norm_of(module: nn.Module | None) -> Norm:
    """What the language calls a norm that a module has; `none` where it has none."""
    if module is None:
        return Norm("none")
    if isinstance(module, nn.GroupNorm):
        return Norm("group", module.num_groups)
    return next(
        Norm(other if getattr(module, "eps", None) == eps else word)
        for kind, word, other, eps in _WORDS
        if isinstance(module, kind)
    )
