"""The tree that a plan is: layers, chains of them, gates and residuals.

Shapes are (C, H, W) of one image, or (C,) behind the head's flattening. Legend: B batch, C channels,
H and W height and width, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from archkit.blocks.sides import both

if TYPE_CHECKING:
    from archkit.spec import ArchSpec

__all__ = ["Block", "Gate", "Layer", "Node", "Plan", "Residual", "Shape", "Stage", "layers_of", "main_path"]

Shape: TypeAlias = tuple[int, ...]


class Layer(NamedTuple):
    """One operation.

    name: its place in the module tree, such as `stage1.block1.conv1`.
    kind: what it does: a key of `archkit.plan.kinds.KINDS`.
    in_shape: shape of its input; of either input for `add`, of the map for `scale`.
    out_shape: shape of its output.
    kernel: K of convs, and the window of pools; 0 where there is none. It is (rows, columns) where these
        differ, and so is the padding: `window` and `margins` have both, whatever they are.
    stride: stride of convs and pools, of `zero_pad`, and of the conv behind a `pad`.
    padding: rows and columns added on each side, by a `pad` too unless it has a kernel.
    groups: of convs and of `group_norm`.
    bias: whether a conv or linear layer has one.
    ceil: whether a pool keeps the last, incomplete window.
    eps: 10 to the minus this is what a norm, or a conv's standardised weights, add to the variance.
    dilation: how far apart the values are that the kernel of a conv reads.
    kernels: of the convs that stand side by side in a `mix_conv`; its kernel is the widest of them.
    """

    name: str
    kind: str
    in_shape: Any
    out_shape: Any
    kernel: Any = 0
    stride: int = 1
    padding: Any = 0
    groups: Any = 1
    bias: bool = False
    ceil: bool = False
    eps: int = 5
    dilation: int = 1
    kernels: tuple[int, ...] = ()

    @property
    def depthwise(self) -> bool:
        """Whether a conv has more groups than one; convs side by side then have one for each channel."""
        return bool(self.groups != 1)

    @property
    def window(self) -> tuple[Any, Any]:
        """Rows and columns of its kernel."""
        return both(self.kernel)

    @property
    def margins(self) -> tuple[Any, Any]:
        """Rows above and below, and columns on either side, of its padding."""
        return both(self.padding)

    @property
    def own_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """`x * factors(x)`: channel attention.

    Attributes:
        name: `stage1.block1.attn`.
        factors: the branch that makes a factor for each channel.
        scale: the product with the map.
    """

    name: str
    factors: tuple[Node, ...]
    scale: Layer


@dataclass(frozen=True, kw_only=True, slots=True)
class Residual:
    """`body(x) + shortcut(x)`.

    Attributes:
        body: a chain.
        shortcut: a chain; empty for the identity.
        add: the sum.
    """

    body: tuple[Node, ...]
    shortcut: tuple[Node, ...]
    add: Layer


Node: TypeAlias = Layer | Gate | Residual
"""What stands in a chain."""


def layers_of(nodes: Iterable[Node]) -> Iterator[Layer]:
    """Every layer of a chain, in the order in which a plan lists them."""
    for node in nodes:
        if isinstance(node, Layer):
            yield node
        elif isinstance(node, Gate):
            yield from layers_of(node.factors)
            yield node.scale
        else:
            yield from layers_of(node.body)
            yield from layers_of(node.shortcut)
            yield node.add


def main_path(nodes: Iterable[Node]) -> Iterator[Layer]:
    """The layers along the bodies of residuals, with neither shortcuts nor the factors of gates."""
    for node in nodes:
        if isinstance(node, Layer):
            yield node
        elif isinstance(node, Gate):
            yield node.scale
        else:
            yield from main_path(node.body)
            yield node.add


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One block: a chain of nodes."""

    name: str
    nodes: tuple[Node, ...]

    def __iter__(self) -> Iterator[Layer]:
        """Its layers, in the order in which they are listed."""
        return layers_of(self.nodes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage: blocks of one width."""

    name: str
    blocks: tuple[Block, ...]

    def __iter__(self) -> Iterator[Layer]:
        """The layers of its blocks."""
        for block in self.blocks:
            yield from block


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A network laid out: every layer with its shapes, in the order of the forward pass.

    Attributes:
        spec: what was laid out.
        stem: a chain.
        stages: each with its blocks.
        head: a chain.
    """

    spec: ArchSpec
    stem: tuple[Node, ...]
    stages: tuple[Stage, ...]
    head: tuple[Node, ...]

    def __iter__(self) -> Iterator[Layer]:
        """Every layer."""
        for _, nodes in self.parts():
            yield from layers_of(nodes)

    def parts(self) -> Iterator[tuple[str, tuple[Node, ...]]]:
        """`("stem", nodes)`, `("stage1", nodes)`, ..., `("head", nodes)`."""
        yield "stem", self.stem
        for stage in self.stages:
            yield stage.name, tuple(node for block in stage.blocks for node in block.nodes)
        yield "head", self.head
