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
        if not behind:  # what follows begins with it; a conv of 1x1 shows nothing
            later = [conv for blocks in stages[i + 1 :] for block in blocks for conv in _wide(block)]
            behind = [_dilation(conv) for conv in later[:1]]
        # Where one conv differs from its like, the others are believed, so that the proof names the one.
        own = min(behind, default=dilation)
        grows = blocks[0].stride == 1 and own > dilation
        # Where stages of 1x1 convs hide which of them has how much of it, each takes what a stride may be.
        times = max(k for k in range(1, 9) if own // dilation % k == 0) if grows else 1
        strides.append(times if grows else blocks[0].stride)
        dilation *= times
    kept = [blocks[0].stride for blocks in stages]
    return strides, 0 if dilation == 1 else stem * prod(kept)


def _wide(block: FoundBlock) -> list[nn.Conv2d]:
    """The convs of more than a pixel."""
    return [conv for conv in block.convs if conv.kernel_size[0] > 1]


def _after_the_first(blocks: Sequence[FoundBlock]) -> list[nn.Conv2d]:
    return [conv for block in blocks for conv in _wide(block)][1:]


def _dilation(conv: nn.Conv2d) -> int:
    return int(conv.dilation[0])
