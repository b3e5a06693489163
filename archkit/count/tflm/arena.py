"""The head of TensorFlow Lite Micro's arena: where its planner lays the maps that are alive at once.

The planner places the largest map first and each further one into the lowest gap that is wide enough between
those that are alive while it is (`greedy_memory_planner.cc`). Of maps of one size the later one comes first.
Where a better plan is found, the file carries it, and the planner keeps to it (`OfflineMemoryAllocation`).
The images and the logits are maps too: the first are alive until they are read last, the others from where
they are made to the end. Of the operators that `lower` draws only padding by reflection asks for working
memory of its own in the portable kernels; those that a chip's maker has optimised may ask for more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import prod
from typing import Final, NamedTuple

from archkit.count.tflm.graph import Graph

__all__ = ["MAP_BYTES", "Buffer", "aligned", "alive", "buffers", "head", "own_plan"]

_ALIGNMENT: Final = 16  # `MicroArenaBufferAlignment`

MAP_BYTES: Final = {"float32": 4, "int8": 1, "int16x8": 2}
"""Bytes of a value of a map, by the type of a file's values."""


_SCRATCH: Final = {"MIRROR_PAD": (16, 16)}
"""Bytes that an operator works in: the strides of four dimensions, of what it reads and of what it writes."""


class Buffer(NamedTuple):
    """A map in the arena.

    size: bytes, rounded up.
    first: the operator that makes it, from 1; 0 for the images.
    last: the last one that reads it.
    """

    size: int
    first: int
    last: int


def buffers(graph: Graph, bytes_per_value: int) -> list[Buffer]:
    """The maps of a graph, in the order of its tensors, and behind them what operators work in."""
    made = {0: 0}
    read = {0: 0}
    for at, op in enumerate(graph.ops, 1):
        for x in op.inputs:
            read[x] = at
        made[op.output] = read[op.output] = at
    read[graph.output] = len(graph.ops)
    maps = [
        Buffer(aligned(prod(tensor.shape) * bytes_per_value), made[i], read[i])
        for i, tensor in enumerate(graph.tensors)
        if tensor.constant is None
    ]
    scratch = [
        Buffer(aligned(size), at, at)
        for at, op in enumerate(graph.ops, 1)
        for size in _SCRATCH.get(op.kind, ())
    ]
    return maps + scratch


def aligned(size: int, to: int = _ALIGNMENT) -> int:
    """A number of bytes, rounded up to a multiple."""
    return -(-size // to) * to


def lay_out(maps: Sequence[Buffer], order: Iterable[int]) -> list[int]:
    """Where each buffer begins, if they are placed in this order."""
    offsets = [0] * len(maps)
    placed: list[int] = []  # by where they begin
    for i in order:
        wanted = maps[i]
        at = 0
        for j in placed:
            other = maps[j]
            if other.first > wanted.last or wanted.first > other.last:
                continue
            if offsets[j] - at >= wanted.size:
                break
            at = max(at, offsets[j] + other.size)
        offsets[i] = at
        # Behind those that begin at the same place.
        placed.insert(bisect_right(placed, at, key=offsets.__getitem__), i)
    return offsets


def alive(maps: Sequence[Buffer]) -> int:
    """The most bytes alive at once, below which no layout comes."""
    change = [0] * (max(one.last for one in maps) + 2)
    for one in maps:
        change[one.first] += one.size
        change[one.last + 1] -= one.size
    return max(accumulate(change))


def own_plan(graph: Graph, bytes_per_value: int) -> list[int] | None:
    """Where the maps begin, in the order of their tensors, where that takes less than the device's own plan.

    The planner on the device leaves gaps now and then. Each map that reaches furthest is then placed earlier,
    again and again, until nothing is left between the maps, or for so long as is worth it (Joslin and
    Clements 1999, "squeaky wheel" optimisation).
    """
    return _better(graph, *_planned(graph, bytes_per_value))


def _better(graph: Graph, maps: list[Buffer], of_device: list[int]) -> list[int] | None:
    least = alive(maps)
    if _end(maps, of_device) == least or any(op.kind in _SCRATCH for op in graph.ops):
        return None  # what operators work in cannot be planned ahead
    best = of_device
    order = _of_device(maps)
    for _ in range(min(_TRIES, _STEPS // len(maps) ** 2)):
        offsets = lay_out(maps, order)
        if _end(maps, offsets) < _end(maps, best):
            best = offsets
            if _end(maps, best) == least:
                break
        furthest = max(order, key=lambda i: offsets[i] + maps[i].size)
        order.remove(furthest)
        order.insert(0, furthest)
    return None if best is of_device else best


_TRIES: Final = 200
_STEPS: Final = 20_000_000


def head(graph: Graph, bytes_per_value: int, *, enough: int = 0) -> int:
    """Bytes of the head: the end of the map that reaches furthest, by the file's plan if it has one.

    Where the device's own plan keeps to `enough`, no better one is looked for.
    """
    maps, of_device = _planned(graph, bytes_per_value)
    own = None if _end(maps, of_device) <= enough else _better(graph, maps, of_device)
    return _end(maps, of_device if own is None else own)


def _planned(graph: Graph, bytes_per_value: int) -> tuple[list[Buffer], list[int]]:
    maps = buffers(graph, bytes_per_value)
    return maps, lay_out(maps, _of_device(maps))


def _of_device(maps: Sequence[Buffer]) -> list[int]:
    """The order in which the planner on the device places maps."""
    return sorted(range(len(maps)), key=lambda i: (-maps[i].size, -i))


def _end(maps: Sequence[Buffer], offsets: Sequence[int]) -> int:
    return max(at + one.size for at, one in zip(offsets, maps, strict=True))
