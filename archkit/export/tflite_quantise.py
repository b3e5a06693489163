"""Post-training quantisation: the integers of a TensorFlow Lite file, from the ranges that its maps have.

Weights are symmetric, with a scale for each channel of a conv and one for a linear layer; maps have a scale
and a zero point in int8, and are symmetric in int16; a bias has the product of both scales. So TensorFlow
Lite's quantisation specification asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from archkit.count.tflm import Constant, Contents, Graph, Op
from archkit.export.tflite_weights import Values

__all__ = ["Range", "quantised", "unquantised"]

Range = tuple[float, float]

_MOST_BIAS: Final = 2**30  # half of what an int32 holds, so that sums have room
_LOGISTIC: Final = {"int8": (1 / 256, -128), "int16x8": (1 / 32768, 0)}  # fixed by the specification
_MAP: Final[Mapping[str, Any]] = {"int8": np.int8, "int16x8": np.int16}
_BIAS: Final[Mapping[str, Any]] = {"int8": np.int32, "int16x8": np.int64}
_LAST: Final = ("depthwise", "factor", "blur")


def unquantised(graph: Graph, values: Mapping[int, Values]) -> list[Contents]:
    """What the tensors of a float32 file hold."""
    return [
        Contents()
        if tensor.constant is None
        else Contents(_packed(values[i], None if tensor.constant.role == "index" else np.float32))
        for i, tensor in enumerate(graph.tensors)
    ]


def quantised(
    graph: Graph, values: Mapping[int, Values], ranges: Mapping[int, Range], data_type: str
) -> list[Contents]:
    """What the tensors of an `int8` or `int16x8` file hold.

    Args:
        graph: the network.
        values: of its constants.
        ranges: the least and the greatest value of each map.
        data_type: of the file.
    """
    found = [Contents()] * len(graph.tensors)
    made_by = {op.output: op for op in graph.ops}
    for i, tensor in enumerate(graph.tensors):
        recipe = tensor.constant
        if recipe is None:
            if tensor.like is not None:
                found[i] = found[tensor.like]
            else:
                found[i] = _of_map(made_by.get(i), ranges[i], data_type, found)
        elif recipe.role == "index":
            found[i] = Contents(_packed(values[i], None))
        elif recipe.role == "number" and recipe.form != "least":
            most = int(np.iinfo(_MAP[data_type]).max)
            found[i] = Contents(_packed(np.array([most]), _MAP[data_type]), (recipe.numbers[0] / most,))
    for op in graph.ops:
        _constants(op, graph, values, data_type, found)
    return found


def _constants(
    op: Op, graph: Graph, values: Mapping[int, Values], data_type: str, found: list[Contents]
) -> None:
    """Fills in the constants of an operator, whose scales depend on the map that it reads."""
    entered = found[op.inputs[0]]
    if op.kind == "PADV2":
        least = np.array([np.iinfo(_MAP[data_type]).min])
        found[op.inputs[2]] = entered._replace(data=_packed(least, _MAP[data_type]))
        return
    recipe = None if len(op.inputs) < 3 else graph.tensors[op.inputs[1]].constant
    if recipe is None or recipe.role != "weight":
        return
    w, b = op.inputs[1:]
    scales = _weight_scales(values[w], values[b], recipe, entered.scales[0])
    shape = [1] * values[w].ndim
    shape[-1 if recipe.form in _LAST else 0] = len(scales)
    steps = np.clip(np.rint(values[w] / scales.astype(np.float64).reshape(shape)), -127, 127)
    found[w] = Contents(_packed(steps, np.int8), tuple(scales.tolist()))
    of_bias = np.float32(entered.scales[0]) * scales
    found[b] = Contents(_packed(np.rint(values[b] / of_bias), _BIAS[data_type]), tuple(of_bias.tolist()))


def _weight_scales(weight: Values, bias: Values, recipe: Constant, entered: float) -> Values:
    """One for each channel, or one for all of a linear layer's; large enough for the bias to fit its type."""
    if recipe.form == "linear":
        most, beside = np.abs(weight).max(keepdims=True).reshape(1), np.abs(bias).max(keepdims=True)
    else:
        axes = (0, 1, 2) if recipe.form in _LAST else (1, 2, 3)
        most, beside = np.abs(weight).max(axis=axes), np.abs(bias)
    scales = np.maximum(most / 127, beside / (entered * _MOST_BIAS))
    found: Values = np.where(scales == 0, 1.0, scales).astype(np.float32)
    return found


def _of_map(op: Op | None, seen: Range, data_type: str, found: list[Contents]) -> Contents:
    if op is not None and op.kind == "LOGISTIC":
        scale, zero = _LOGISTIC[data_type]
        return Contents(None, (scale,), zero)
    if op is not None and op.kind == "ADD":
        # The kernel's fixed point holds a sum that is a thousand times finer than its summands, no more.
        entered = max(found[x].scales[0] for x in op.inputs)
        least = entered / 1000 * (255 if data_type == "int8" else 32767)
        low, high = seen
        seen = (low, max(high, low + least))
    return _of_range(seen, data_type)


def _of_range(found: Range, data_type: str) -> Contents:
    low, high = min(0.0, found[0]), max(0.0, found[1])
    if low == high:  # nothing came through, and any range will do
        high = 1.0
    if data_type == "int16x8":
        return Contents(None, (max(-low, high) / 32767,), 0)
    scale = (high - low) / 255
    return Contents(None, (scale,), int(np.clip(np.rint(-128 - low / scale), -128, 127)))


def _packed(values: Values | Sequence[Any], dtype: Any) -> bytes:
    array = np.asarray(values)
    return np.ascontiguousarray(array if dtype is None else array.astype(dtype)).tobytes()
