"""What a graph is written down with: `Draft` for its tensors and operators, `Rest` for a chain of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from archkit.count.tflm.graph import Constant, Op, Tensor
from archkit.plan import Layer, Node

__all__ = ["Draft", "Rest"]

_FOLDED: Final = ("batch_norm", "layer_scale")
_FUSED: Final = ("relu", "relu6")


class Rest:
    """The nodes of a chain that are yet to be drawn."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._next = 0

    def __bool__(self) -> bool:
        return self._next < len(self._nodes)

    def take(self) -> Node:
        """The next node."""
        self._next += 1
        return self._nodes[self._next - 1]

    def layer(self, kinds: Sequence[str]) -> Layer | None:
        """The layer that comes next, where it is of one of these kinds."""
        if not self:
            return None
        node = self._nodes[self._next]
        if isinstance(node, Layer) and node.kind in kinds:
            self._next += 1
            return node
        return None

    def folded(self) -> tuple[str, ...]:
        """The names of the layers that come next and can be folded into a weight."""
        found = []
        while (layer := self.layer(_FOLDED)) is not None:
            found.append(layer.name)
        return tuple(found)

    def fused(self) -> str:
        """The activation that comes next and can be folded into an operator."""
        layer = self.layer(_FUSED)
        return "none" if layer is None else layer.kind


class Draft:
    """Tensors and operators as they are written down.

    Attributes:
        tensors: those of the graph; the first is the images.
        ops: its operators.
        not_negative: the maps that hold no value below 0.
    """

    def __init__(self, image: tuple[int, ...]) -> None:
        c, h, w = image
        self.tensors: list[Tensor] = [Tensor((1, h, w, c))]
        self.ops: list[Op] = []
        self.not_negative: set[int] = set()
        self._constants: dict[Constant, int] = {}

    def shape(self, x: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self.tensors[x].shape

    def constant(self, shape: tuple[int, ...], constant: Constant) -> int:
        """Writes a constant down; of equal ones there is one."""
        made = self._constants.setdefault(constant, len(self.tensors))
        if made < len(self.tensors):
            return made
        self.tensors.append(Tensor(shape, constant))
        return len(self.tensors) - 1

    def op(
        self,
        kind: str,
        inputs: tuple[int, ...],
        shape: tuple[int, ...],
        *,
        like: int | None = None,
        **how: Any,
    ) -> int:
        """Writes an operator down, and returns the map that it makes; `how` has fields of `Op`."""
        out = len(self.tensors)
        self.tensors.append(Tensor(shape, None, like))
        self.ops.append(Op(kind, inputs, out, **how))
        if how.get("act", "none") != "none" or kind in ("RELU", "RELU6", "LOGISTIC"):
            self.not_negative.add(out)
        return out

    def weighted(
        self,
        kind: str,
        x: int,
        shape: tuple[int, ...],
        *,
        how: Constant,
        out: tuple[int, ...],
        rest: Rest,
        **more: Any,
    ) -> int:
        """An operator with a weight and a bias, and what is folded into them."""
        folds = rest.folded()
        weight = self.constant(shape, how._replace(role="weight", folds=folds))
        bias = self.constant((out[-1],), how._replace(role="bias", folds=folds))
        return self.op(kind, (x, weight, bias), out, act=rest.fused(), layer=how.layer, **more)

    def padded(
        self,
        x: int,
        sides: tuple[int, int, int, int],
        *,
        channels: int = 0,
        layer: str = "",
        kind: str = "PAD",
    ) -> int:
        """The map with rows above and below, columns left and right, and channels behind its own."""
        _, h, w, c = self.shape(x)
        top, bottom, left, right = sides
        by = (0, 0, top, bottom, left, right, 0, channels)
        pads = self.constant((4, 2), Constant("index", numbers=by))
        inputs: tuple[int, ...] = (x, pads)
        if kind == "PADV2":
            inputs = (x, pads, self.constant((1,), Constant("number", layer=layer, form="least")))
        shape = (1, h + top + bottom, w + left + right, c + channels)
        out = self.op(kind, inputs, shape, like=x, layer=layer)
        if x in self.not_negative:
            self.not_negative.add(out)
        return out

    def reshaped(self, x: int, shape: tuple[int, ...], layer: Layer) -> int:
        """The values of a map in another shape."""
        to = self.constant((len(shape),), Constant("index", numbers=shape))
        return self.op("RESHAPE", (x, to), shape, like=x, layer=layer.name)
