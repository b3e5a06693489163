"""The graph that a TensorFlow Lite file holds: tensors, and the operators that read and write them.

Maps are N x H x W x C here, as in the file, with an N of 1. A constant does not hold its values, only the
recipe for them: so a graph is made from a plan alone, without weights and without torch, and whatever
depends on sizes can be told from it.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from archkit.errors import ExportError

__all__ = ["DATA_TYPES", "Constant", "DataType", "Graph", "Op", "Tensor"]

DATA_TYPES: Final = ("float32", "int8", "int16x8")
"""What the values of a file may be: `int8` throughout, or `int16x8`, maps in int16 and weights in int8."""

DataType: TypeAlias = str


class Constant(NamedTuple):
    """What a constant is made from.

    role: `weight`; `bias`; `number`, a real number in the type of the maps; or `index`, whole numbers
        that an operator reads as its setting (how much it pads, a shape).
    layer: name of the layer whose weight or bias it is.
    form: how its weight is laid out: `conv`, `depthwise`, `linear`, `along` (a conv along the channels),
        `factor` (a norm or a scale alone, as one factor for each channel) or `blur`.
    folds: names of the layers behind it that are folded into it.
    entered: C x H x W of the map that a linear layer reads flattened.
    numbers: the values of a `number` or an `index`.
    """

    role: str
    layer: str = ""
    form: str = ""
    folds: tuple[str, ...] = ()
    entered: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()


class Tensor(NamedTuple):
    """A tensor.

    shape: as in the file.
    constant: its recipe, or None where an operator (or the user) fills it.
    like: index of the tensor whose scale it must have, since the operator that makes it changes no value.
    """

    shape: tuple[int, ...]
    constant: Constant | None = None
    like: int | None = None


class Op(NamedTuple):
    """An operator.

    kind: its name in TensorFlow Lite: `CONV_2D`.
    inputs: indices of tensors, the map first.
    output: index of a tensor.
    stride: of convs and pools.
    window: rows and columns of a pool.
    same: whether it pads as TensorFlow's `SAME` does.
    act: what is folded in behind it: `none`, `relu` or `relu6`.
    multiplier: maps that each channel of a depthwise conv makes.
    layer: the layer that it comes from.
    """

    kind: str
    inputs: tuple[int, ...]
    output: int
    stride: int = 1
    window: tuple[int, int] = (1, 1)
    same: bool = False
    act: str = "none"
    multiplier: int = 1
    layer: str = ""


class Graph(NamedTuple):
    """A network as a file holds it. Tensor 0 is the images.

    tensors: maps in the order in which they are made, each behind the constants of its operator.
    ops: in the order in which they run.
    output: index of the logits.
    """

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    output: int

    def check(self, data_type: DataType) -> None:
        """Sees that TensorFlow Lite Micro has every operator for a type of values.

        Raises:
            ExportError: it has not.
        """
        for op in self.ops:
            if data_type == "int16x8" and op.kind in _NOT_16_BITS:
                raise ExportError(
                    f"{op.layer}: TensorFlow Lite Micro has no {op.kind} in int16x8; float32 and int8 have it"
                )


_NOT_16_BITS: Final = ("HARD_SWISH", "MIRROR_PAD")
