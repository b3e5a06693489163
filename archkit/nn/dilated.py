"""What dilations say of the strides that a spec has: those that `output_stride` has made of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import nn

from archkit.nn.parts import FoundBlock, Parts

__all__ = ["undilated"]


def undilated(parts: Parts) -> tuple[list[int], int]:
    """The strides of a spec's stages, and its output stride; 0 where nothing is dilated."""
    stages = parts.stages
    stem = prod(conv.stride[0] for conv in parts.stem) * (2 if parts.stem_pool else 1)
    strides, dilation = [], 1
    for i, blocks in enumerate(stages):
        behind = [_dilation(conv) for conv in _after_the_first(blocks)]
        if not behind and i + 1 < len(stages):
            behind = [_dilation(_wide(stages[i + 1][0])[0])]  # the next stage begins with it
        # Where one conv differs from its like, the others are believed, so that the proof names the one.
        own = min(behind, default=dilation)
        grows = blocks[0].stride == 1 and own > dilation
        strides.append(own // dilation if grows else blocks[0].stride)
        dilation = own if grows else dilation
    kept = [blocks[0].stride for blocks in stages]
    return strides, 0 if dilation == 1 else stem * prod(kept)


def _wide(block: FoundBlock) -> list[nn.Conv2d]:
    """The convs of more than a pixel, or the first one where there is none."""
    return [conv for conv in block.convs if conv.kernel_size[0] > 1] or [block.convs[0]]


def _after_the_first(blocks: Sequence[FoundBlock]) -> list[nn.Conv2d]:
    return [conv for block in blocks for conv in _wide(block)][1:]


def _dilation(conv: nn.Conv2d) -> int:
    return int(conv.dilation[0])
