"""The values that a plan is made of.

Shapes are (C, H, W) of one image, or (C,) behind the head's flattening. Legend: B batch,
C channels, H and W height and width, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from archkit.spec import ArchSpec

__all__ = ["BlockPlan", "Kind", "Layer", "Plan", "Shape", "StagePlan", "is_attention"]

Shape: TypeAlias = tuple[int, ...]

Kind: TypeAlias = Literal[
    "conv",  # 2d convolution
    "conv1d",  # over the channels: efficient channel attention
    "batch_norm",
    "group_norm",
    "relu",
    "max_pool",
    "avg_pool",
    "blur_pool",  # a fixed binomial 3x3 filter, padded by reflection
    "global_pool",  # mean over H and W
    "squeeze",  # the same inside attention, written as a mean
    "sigmoid",
    "scale",  # attention's product with the map
    "zero_pad",  # option A of He et al.: every s-th row and column, zeros for the new channels
    "add",  # the residual add
    "flatten",
    "linear",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One operation.

    Attributes:
        name: its place in the module tree, such as `stage1.block1.conv1`.
        kind: what it does.
        in_shape: shape of its input; of either input for `add`, of the map for `scale`.
        out_shape: shape of its output.
        kernel: K of convs, and the window of pools; 0 where there is none.
        stride: stride of convs and pools, and of `zero_pad`.
        padding: rows and columns added on each side.
        groups: of convs and of `group_norm`.
        bias: whether a conv or linear layer has one.
        ceil: whether a pool keeps the last, incomplete window.
    """

    name: str
    kind: Kind
    in_shape: Shape
    out_shape: Shape
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = False
    ceil: bool = False


def is_attention(layer: Layer) -> bool:
    """Whether a layer is part of channel attention, which hangs beside the path and scales its map."""
    return ".attn." in layer.name


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockPlan:
    """One residual block: `tail(shortcut(s) + attention(body(h)))` with `h = pre(x)`.

    The shortcut reads `h` where it projects in a pre-activation block, and x otherwise. `pre` is
    empty in blocks without pre-activation; an empty `shortcut` is the identity.
    """

    name: str
    pre: tuple[Layer, ...]
    body: tuple[Layer, ...]
    attention: tuple[Layer, ...]
    shortcut: tuple[Layer, ...]
    tail: tuple[Layer, ...]

    def __iter__(self) -> Iterator[Layer]:
        """Its layers, in the order in which they are listed."""
        yield from self.pre
        yield from self.body
        yield from self.attention
        yield from self.shortcut
        yield from self.tail


@dataclass(frozen=True, kw_only=True, slots=True)
class StagePlan:
    """One stage: blocks of one width."""

    name: str
    blocks: tuple[BlockPlan, ...]

    def __iter__(self) -> Iterator[Layer]:
        """The layers of its blocks."""
        for block in self.blocks:
            yield from block


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A network laid out: every layer with its shapes, in the order of the forward pass."""

    spec: ArchSpec
    stem: tuple[Layer, ...]
    stages: tuple[StagePlan, ...]
    head: tuple[Layer, ...]

    def __iter__(self) -> Iterator[Layer]:
        """Every layer."""
        yield from self.stem
        for stage in self.stages:
            yield from stage
        yield from self.head

    def parts(self) -> Iterator[tuple[str, tuple[Layer, ...]]]:
        """`("stem", layers)`, `("stage1", layers)`, ..., `("head", layers)`."""
        yield "stem", self.stem
        for stage in self.stages:
            yield stage.name, tuple(stage)
        yield "head", self.head
