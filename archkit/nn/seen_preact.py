"""The parts of timm's ResNetV2: a ResNet with pre-activation whose parts have names of their own."""

from __future__ import annotations

from typing import Any, Final

from torch import nn

from archkit.errors import InferError
from archkit.nn.matching import type_name
from archkit.nn.parts import FoundBlock, Parts, common_norm, padded, seen_shortcut
from archkit.nn.seen_leaves import channels_of

__all__ = ["PREACT", "preact_parts"]

PREACT: Final = "timm.models.resnetv2.ResNetV2"
_BLOCKS: Final = ("timm.models.resnetv2.PreActBottleneck", "timm.models.resnetv2.PreActBasic")


def preact_parts(module: Any) -> Parts:
    """The parts of a ResNetV2.

    Raises:
        InferError: its blocks activate behind their convs, or its norms are of another kind.
    """
    blocks = [
        [_block(f"stages.{i}.blocks.{j}", block) for j, block in enumerate(stage.blocks)]
        for i, stage in enumerate(module.stages)
    ]
    norm = common_norm(module)
    if norm is None:
        raise InferError(f"{type(module.norm).__name__} is a norm that the language has no word for")
    poolings = (nn.ConstantPad2d, nn.MaxPool2d)
    return Parts(
        library="timm",
        stem=tuple(part for part in module.stem.children() if isinstance(part, nn.Conv2d)),
        stem_pool=tuple(part for part in module.stem.children() if isinstance(part, poolings)),
        stem_attn=None,
        norm=norm,
        stages=tuple(map(tuple, blocks)),
        preact=True,
        pool=None,
        fc=nn.Linear(*channels_of(module.head.fc), device="meta"),  # a 1x1 conv there
        stem_norm=False,
    )


def _block(name: str, block: Any) -> FoundBlock:
    if type_name(block) not in _BLOCKS:
        raise InferError(f"{name} is {type(block).__name__}, and such blocks are not read")
    convs = [part for key, part in block.named_children() if key.startswith("conv")]
    shortcut = getattr(block, "downsample", None)
    chain = [] if shortcut is None else list(shortcut.children())
    found = FoundBlock(
        name=name,
        convs=tuple(convs),
        aa=None,
        attn=None,
        shortcut=seen_shortcut(chain, own=False) if chain else "none",
    )
    return padded(found)
