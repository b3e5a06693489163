"""The tail of TensorFlow Lite Micro's arena: the structures that stay from the preparation on.

They are laid down from the end of the arena backwards, each at a multiple of its own alignment, in this
order: the allocator's own, a record for each tensor and each operator, the settings of each operator, the
state of each, the tables of the convs, and a full record of the images and of the logits. The sizes are
measured on a machine with pointers of 64 bits and with the portable kernels of tflite-micro 0.dev20261023; on
a chip of 32 bits pointers are half as wide, and the tail is smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from archkit.count.tflm.graph import DataType, Graph

__all__ = ["preparing", "tail"]

_OWN: Final = 488
_PER_TENSOR: Final = 24
_PER_OP: Final = 64
_FULL_RECORD: Final = 64
_QUANTISED: Final = (24, 8)  # of a full record: the scheme, and one zero point with its count
_POINTER: Final = 8
_PER_CHANNEL: Final = 4  # in either table of a conv, of multipliers and of shifts

_SETTINGS: Final[Mapping[str, int]] = {
    "ADD": 8,
    "AVERAGE_POOL_2D": 40,
    "CONV_2D": 28,
    "DEPTHWISE_CONV_2D": 28,
    "FULLY_CONNECTED": 32,
    "MAX_POOL_2D": 40,
    "MIRROR_PAD": 4,
    "MUL": 4,
    "RESHAPE": 36,
}
"""Bytes of the options that an operator has in the file, as they are parsed."""

_HOLDS_POINTER: Final = ("FULLY_CONNECTED",)

_STATE: Final[Mapping[str, int]] = {
    "ADD": 60,
    "AVERAGE_POOL_2D": 32,
    "CONV_2D": 80,
    "DEPTHWISE_CONV_2D": 80,
    "FULLY_CONNECTED": 72,
    "HARD_SWISH": 20,
    "LOGISTIC": 16,
    "MAX_POOL_2D": 32,
    "MIRROR_PAD": 20,
    "MUL": 36,
    "PAD": 56,
    "PADV2": 56,
    "RELU": 28,
    "RELU6": 8,
}
"""Bytes of what an operator keeps between its preparation and its runs."""


def tail(graph: Graph, data_type: DataType) -> int:
    """Bytes of the tail, on a machine of 64 bits and in an arena that ends at a multiple of 16."""
    used = 0
    for size, alignment in _structures(graph, data_type):
        # From the end backwards: what is rounded is where a structure begins.
        used = -(-(used + size) // alignment) * alignment
    return used


def preparing(graph: Graph, data_type: DataType) -> int:
    """Bytes that are enough, beside the finished tail, until the maps have their places.

    They matter where the maps are tiny. The planner works in 32 for each tensor and 40 for each map, less the
    tail's last records, which come after: that is exact. Before it, a conv reads the scheme of its weight
    twice and that of its bias, 4 for each channel each time, beside a few fixed records: there this is an
    upper bound.
    """
    working = 2 * sum(op.kind == "MIRROR_PAD" for op in graph.ops)
    maps = sum(tensor.constant is None for tensor in graph.tensors)
    later = 16 if data_type != "float32" else -48
    planning = 32 * (len(graph.tensors) + working) + 40 * (maps + working) + 16 * working - later
    channels = max(graph.tensors[op.output].shape[-1] for op in graph.ops)
    return max(planning, _RECORDS + (12 * channels if data_type != "float32" else 0))


_RECORDS: Final = 1024  # requests for working memory, 288, and the full records of seven tensors


def _structures(graph: Graph, data_type: DataType) -> Iterator[tuple[int, int]]:
    """The size and the alignment of each, in order."""
    yield _OWN, 8
    yield len(graph.tensors) * _PER_TENSOR, 8
    yield len(graph.ops) * _PER_OP, 8
    for op in graph.ops:
        if op.kind in _SETTINGS:
            yield _SETTINGS[op.kind], 8 if op.kind in _HOLDS_POINTER else 4
    for op in graph.ops:
        if op.kind in _STATE:
            yield _STATE[op.kind], 16
    working = 0
    for op in graph.ops:
        if op.kind.endswith("CONV_2D"):
            channels = graph.tensors[op.output].shape[-1]
            yield channels * _PER_CHANNEL, 16
            yield channels * _PER_CHANNEL, 16
        working += 2 * (op.kind == "MIRROR_PAD")
    if working:
        yield working * _POINTER, 8
    for _ in ("images", "logits"):
        yield _POINTER, 16
        yield _FULL_RECORD, 8
        if data_type != "float32":
            scheme, zero = _QUANTISED
            yield scheme, 8
            yield zero, 4
