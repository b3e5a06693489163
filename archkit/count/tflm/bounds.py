"""Bounds on what a network takes under TensorFlow Lite Micro: at least by parts, and at most of a whole.

The arena and the file of a whole network are no sums: maps are laid out together, equal shapes stand in the
file once, and what is written is rounded to multiples of 4, 8 and 16. What `least_of` counts for a part is
never more than its share of them, for widths in arrays too; the solver rules out with it what cannot fit
(`archkit.budget.device`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from archkit.count.memory import chain_peak
from archkit.count.tflm.arena import MAP_BYTES, aligned
from archkit.count.tflm.graph import DataType, Graph
from archkit.count.tflm.model_file import scales_of, stored_bytes
from archkit.plan import KINDS, Gate, Layer, Node, Residual, layers_of

__all__ = ["OWN_TAIL", "Least", "flash_at_most", "least_of"]


class Least(NamedTuple):
    """Bytes that a part takes at least; integers, or integer arrays.

    head: of maps that are alive at once, while it runs.
    tail: of the arena's structures, for its own operators.
    flash: of the file, for its own operators.
    """

    head: Any
    tail: Any
    flash: Any


OWN_TAIL: Final = 488 + 24 + 2 * (8 + 64)
"""Bytes of the tail that belong to no part: the allocator's own, and the records of images and logits."""

_TENSOR: Final = 24
_OPERATOR: Final = 64
# A conv's options and state, and those of a linear layer, whose state takes 80 with what is rounded.
_CONV: Final = 3 * _TENSOR + _OPERATOR + 28 + 80
_LINEAR: Final = 3 * _TENSOR + _OPERATOR + 32 + 80
_JOIN_TAIL: Final = {"add": _TENSOR + _OPERATOR + 8 + 64, "scale": _TENSOR + _OPERATOR + 4 + 48}

# Of the file: an operator with its lists of tensors and its options; and a tensor, with its entry in the list
# of buffers if it is a constant. Shapes, which may be shared, are left out.
_WRITTEN: Final = 45
_JOIN: Final = 33
_MAP: Final = {"float32": 12, "int8": 49, "int16x8": 49}
_CONSTANT: Final = {"float32": 28, "int8": 53, "int16x8": 53}
_BIAS: Final = {"float32": 4, "int8": 4, "int16x8": 8}
_SCALE: Final = 4


def least_of(nodes: Iterable[Node], entered: Any, values: DataType) -> Least:
    """What a chain takes at least, apart from what stands before and behind it.

    Args:
        nodes: the chain.
        entered: values of the map that enters it.
        values: the type of the file's values.
    """
    nodes = tuple(nodes)
    head: Any = chain_peak(_drawn(nodes), entered)[0]
    for node in nodes:
        if isinstance(node, Residual):  # two maps are added into a third
            head = np.maximum(head, 3 * prod(node.add.out_shape))
    tail: Any = 0
    flash: Any = 0
    for layer in layers_of(nodes):
        more, written = _of_layer(layer, values)
        tail, flash = tail + more, flash + written
    return Least(head * MAP_BYTES[values], tail, flash)


def _drawn(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes that make a map: a pad is part of its conv, and a map of one position is its own mean."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Gate):
            found.append(replace(node, factors=_drawn(node.factors)))
        elif isinstance(node, Residual):
            found.append(replace(node, body=_drawn(node.body), shortcut=_drawn(node.shortcut)))
        elif node.kind != "pad" and not (node.kind in _MEANS and tuple(node.in_shape[1:]) == (1, 1)):
            found.append(node)
    return tuple(found)


_MEANS: Final = ("global_pool", "squeeze")


def _of_layer(layer: Layer, values: DataType) -> tuple[Any, Any]:
    """The tail and the flash of a layer; of those that may vanish into another nothing."""
    if layer.kind in _JOIN_TAIL:
        return _JOIN_TAIL[layer.kind], _JOIN + _MAP[values]
    if layer.kind not in ("conv", "linear"):
        return 0, 0
    row = KINDS[layer.kind]
    weights: Any = 0 if row.weights is None else row.weights(layer)
    c = layer.out_shape[0]
    held = weights * (4 if values == "float32" else 1) + c * _BIAS[values]
    flash = _WRITTEN + _MAP[values] + 2 * _CONSTANT[values] + held
    if layer.kind == "linear":
        return _LINEAR, flash
    if values != "float32":
        flash = flash + 2 * _SCALE * c
    return _CONV + 2 * aligned(4 * c), flash


def flash_at_most(graph: Graph, values: DataType) -> int:
    """Bytes that the file does not exceed; `file_size` has the exact number, at some ten times the time."""
    found = _FIXED
    scales = [scales_of(tensor, values) for tensor in graph.tensors]
    for tensor, n in zip(graph.tensors, scales, strict=True):
        found += _EACH_TENSOR + 4 * n
        if tensor.constant is not None:
            found += aligned(stored_bytes(tensor, values) + 4)
    found += sum(8 + 4 * len(shape) for shape in {tensor.shape for tensor in graph.tensors})
    found += sum(12 + 8 * n for n in set(scales))  # zero points
    return found + sum(_EACH_OPERATOR + 4 * len(op.inputs) for op in graph.ops)


_FIXED: Final = 700  # the root, the operators' codes, and the layouts of tables
_EACH_TENSOR: Final = 76  # its tables, its place in a plan of the arena, and what is rounded
_EACH_OPERATOR: Final = 72
