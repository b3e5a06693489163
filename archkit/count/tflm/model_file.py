"""A graph as a TensorFlow Lite file, and how long it is.

Numbers of fields, operators and options are those of TensorFlow Lite's `schema.fbs` (version 3); the version
of an operator is the first that takes its types (`op_version.cc`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from math import prod
from typing import Final, NamedTuple

from archkit.count.tflm.arena import MAP_BYTES, own_plan
from archkit.count.tflm.flatbuffer import Data, Field, Scalar, Table, Writer, string, tables, vector
from archkit.count.tflm.graph import DataType, Graph, Op, Tensor

__all__ = ["Contents", "file_bytes", "file_size", "scales_of", "stored_bytes", "stored_type"]


class Contents(NamedTuple):
    """What a tensor holds.

    data: bytes of a constant; None of a map.
    scales: one, or one for each channel; none where it is not quantised.
    zero: the integer that stands for 0.
    """

    data: bytes | None = None
    scales: tuple[float, ...] = ()
    zero: int = 0


class _Kind(NamedTuple):
    """An operator.

    code: its number.
    options: the number of its table of options, 0 where it needs none.
    versions: by the type of values.
    """

    code: int
    options: int
    versions: tuple[int, int, int]


_KINDS: Final[Mapping[str, _Kind]] = {
    "ADD": _Kind(0, 11, (1, 2, 3)),
    "AVERAGE_POOL_2D": _Kind(1, 5, (1, 2, 3)),
    "CONV_2D": _Kind(3, 1, (1, 3, 4)),
    "DEPTHWISE_CONV_2D": _Kind(4, 2, (1, 3, 5)),
    "FULLY_CONNECTED": _Kind(9, 8, (1, 4, 7)),
    "LOGISTIC": _Kind(14, 0, (1, 2, 3)),
    "MAX_POOL_2D": _Kind(17, 5, (1, 2, 3)),
    "MUL": _Kind(18, 21, (1, 2, 4)),
    "RELU": _Kind(19, 0, (1, 2, 3)),
    "RELU6": _Kind(21, 0, (1, 2, 3)),
    "RESHAPE": _Kind(22, 0, (1, 1, 1)),
    "PAD": _Kind(34, 0, (1, 2, 4)),
    "PADV2": _Kind(60, 0, (1, 2, 4)),
    "MIRROR_PAD": _Kind(100, 77, (1, 2, 3)),
    "HARD_SWISH": _Kind(117, 0, (1, 1, 1)),
}
_GROUPED: Final = 6  # the version of a CONV_2D with groups
_ACTS: Final = {"none": 0, "relu": 1, "relu6": 3}
_TYPES: Final = {"float32": 0, "int32": 2, "int64": 4, "int16": 7, "int8": 9}
_BYTES: Final = {"float32": 4, "int32": 4, "int64": 8, "int16": 2, "int8": 1}
_COLUMN: Final = {"float32": 0, "int8": 1, "int16x8": 2}
_OF_TYPE: Final = {
    "float32": {"map": "float32", "number": "float32", "weight": "float32", "bias": "float32"},
    "int8": {"map": "int8", "number": "int8", "weight": "int8", "bias": "int32"},
    "int16x8": {"map": "int16", "number": "int16", "weight": "int8", "bias": "int64"},
}


def stored_type(tensor: Tensor, data_type: DataType) -> str:
    """The type of a tensor's values in the file."""
    role = "map" if tensor.constant is None else tensor.constant.role
    return "int32" if role == "index" else _OF_TYPE[data_type][role]


def stored_bytes(tensor: Tensor, data_type: DataType) -> int:
    """Bytes of a tensor's values in the file."""
    return prod(tensor.shape) * _BYTES[stored_type(tensor, data_type)]


def scales_of(tensor: Tensor, data_type: DataType) -> int:
    """How many scales a tensor has: one for each channel where it is the weight or the bias of a conv."""
    constant = tensor.constant
    if data_type == "float32" or (constant is not None and constant.role == "index"):
        return 0
    if constant is None or constant.role == "number" or constant.form == "linear":
        return 1
    return tensor.shape[-1] if constant.form in _LAST else tensor.shape[0]


_LAST: Final = ("depthwise", "factor", "blur")  # forms whose channels stand last


def file_size(graph: Graph, data_type: DataType) -> int:
    """Bytes of the file."""
    return _writer(graph, data_type, None).size


def file_bytes(graph: Graph, data_type: DataType, contents: Sequence[Contents]) -> bytes:
    """The file, given what each of the graph's tensors holds."""
    return _writer(graph, data_type, contents).to_bytes()


def _writer(graph: Graph, data_type: DataType, contents: Sequence[Contents] | None) -> Writer:
    buffers = [_table()]  # the first one is empty: that of all maps
    found = []
    for i, tensor in enumerate(graph.tensors):
        held = None if contents is None else contents[i]
        buffer = 0
        if tensor.constant is not None:
            size = stored_bytes(tensor, data_type)
            buffer = len(buffers)
            buffers.append(_table((0, Data(size, None if held is None else held.data))))
        name = "images" if i == 0 else "logits" if i == graph.output else ""
        found.append(_tensor(tensor, data_type, buffer, name, held))
    versions: dict[tuple[str, int], int] = {}
    for op in graph.ops:
        versions.setdefault((op.kind, _version(op, graph, data_type)), len(versions))
    ops = [_op(op, versions[op.kind, _version(op, graph, data_type)]) for op in graph.ops]
    subgraph = _table(
        (0, tables(found)), (1, vector("i", [0])), (2, vector("i", [graph.output])), (3, tables(ops))
    )
    codes = [
        _table((0, Scalar("b", _KINDS[kind].code)), (2, _number(version, 1)), (3, _number(_KINDS[kind].code)))
        for kind, version in versions
    ]
    metadata = None
    plan = own_plan(graph, MAP_BYTES[data_type])
    if plan is not None:
        metadata = tables([_table((0, string("OfflineMemoryAllocation")), (1, _number(len(buffers))))])
        buffers.append(_table((0, _plan_data(graph, plan))))
    root = _table(
        (0, Scalar("I", 3)),
        (1, tables(codes)),
        (2, tables([subgraph])),
        (3, string("archkit")),
        (4, tables(buffers)),
        (6, metadata),
    )
    return Writer(root, b"TFL3")


def _plan_data(graph: Graph, plan: Sequence[int]) -> Data:
    """The plan of the arena: its version, the subgraph, how many tensors there are, and where each begins."""
    places = iter(plan)
    starts = [next(places) if tensor.constant is None else -1 for tensor in graph.tensors]
    data = struct.pack(f"<{3 + len(starts)}i", 0, 0, len(starts), *starts)
    return Data(len(data), data)


def _table(*fields: tuple[int, Field | None]) -> Table:
    return Table(tuple((number, value) for number, value in fields if value is not None))


def _number(value: int, default: int = 0) -> Scalar | None:
    return None if value == default else Scalar("i", value)


def _byte(value: int) -> Scalar | None:
    return None if value == 0 else Scalar("b", value)


def _tensor(tensor: Tensor, data_type: DataType, buffer: int, name: str, held: Contents | None) -> Table:
    n = scales_of(tensor, data_type)
    quantised = None
    if n:
        scales = vector("f", n if held is None else held.scales)
        axis = 0
        if tensor.constant is None:
            zeros = vector("q", 1 if held is None else [held.zero])
        else:  # constants are symmetric, but for the number that `PADV2` takes from a map
            free = tensor.constant.form == "least"
            zeros = vector(
                "q", 1 if free and held is None else [held.zero if free and held else 0] * n, shared=not free
            )
            if tensor.constant.form in _LAST:
                axis = len(tensor.shape) - 1
        quantised = _table((2, scales), (3, zeros), (6, _number(axis)))
    return _table(
        (0, vector("i", tensor.shape, shared=True)),
        (1, _byte(_TYPES[stored_type(tensor, data_type)])),
        (2, _number(buffer)),
        (3, string(name) if name else None),
        (4, quantised),
    )


def _version(op: Op, graph: Graph, data_type: DataType) -> int:
    if op.kind == "CONV_2D" and graph.tensors[op.inputs[0]].shape[3] != graph.tensors[op.inputs[1]].shape[3]:
        return _GROUPED
    return _KINDS[op.kind].versions[_COLUMN[data_type]]


def _op(op: Op, code: int) -> Table:
    options = _KINDS[op.kind].options
    return _table(
        (0, _number(code)),
        (1, vector("i", op.inputs)),
        (2, vector("i", [op.output])),
        (3, Scalar("B", options) if options else None),
        (4, _options(op) if options else None),
    )


def _options(op: Op) -> Table:
    act = _byte(_ACTS[op.act])
    valid = _byte(0 if op.same else 1)
    stride = _number(op.stride)
    if op.kind == "CONV_2D":
        return _table((0, valid), (1, stride), (2, stride), (3, act))
    if op.kind == "DEPTHWISE_CONV_2D":
        return _table((0, valid), (1, stride), (2, stride), (3, _number(op.multiplier)), (4, act))
    if op.kind.endswith("POOL_2D"):
        rows, columns = op.window
        return _table(
            (0, valid), (1, stride), (2, stride), (3, _number(columns)), (4, _number(rows)), (5, act)
        )
    if op.kind == "ADD":  # its scales in int16 are no powers of two
        return _table((0, act), (1, Scalar("b", 0)))
    return _table((0, act))  # MIRROR_PAD has a mode there, and 0 is to reflect
