"""What a network takes on a device that runs TensorFlow Lite Micro."""

from __future__ import annotations

from dataclasses import dataclass

from archkit.count.tflm.arena import MAP_BYTES, aligned, head
from archkit.count.tflm.graph import DATA_TYPES, DataType
from archkit.count.tflm.lower import lower
from archkit.count.tflm.model_file import file_size
from archkit.count.tflm.tail import preparing, tail
from archkit.errors import BudgetError, unknown
from archkit.plan import layout
from archkit.spec import ArchSpec

__all__ = ["DeviceMemory", "check_values", "device_memory"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceMemory:
    """Bytes of each kind, for one image at a time.

    Attributes:
        values: the type of the file's values.
        head: of the arena, for the maps that are alive at once.
        tail: of the arena, for structures, with pointers of 64 bits.
        preparing: what is worked in until the maps have their places; it lies where the head will be.
        flash: of the file that `archkit.export.tflite` writes, which holds the weights.
    """

    values: DataType
    head: int
    tail: int
    preparing: int
    flash: int

    @property
    def arena(self) -> int:
        """An arena in which the network runs; the smallest but for networks of tiny maps."""
        return aligned(self.tail + max(self.head, self.preparing))


def device_memory(spec: ArchSpec | str, *, values: DataType = "int8", pixels: bool = False) -> DeviceMemory:
    """What a network takes, without weights and without torch.

    >>> found = device_memory("[1,1,1]x[16,32,64]", values="int8")
    >>> found.head, found.arena
    (49152, 56000)

    Args:
        spec: the network.
        values: `float32`, `int8`, or `int16x8` (maps in 16 bits, weights in 8).
        pixels: whether the file takes pixels and normalises them, with `--fold-normalisation`.

    Raises:
        BudgetError: the values are of no such type.
        ExportError: the network has a layer that TensorFlow Lite Micro has no operator for.
    """
    check_values(values)
    graph = lower(layout(spec), pixels=pixels)
    graph.check(values)
    return DeviceMemory(
        values=values,
        head=head(graph, MAP_BYTES[values]),
        tail=tail(graph, values),
        preparing=preparing(graph, values),
        flash=file_size(graph, values),
    )


def check_values(values: str) -> None:
    """See that there is such a type of values.

    Raises:
        BudgetError: there is not.
    """
    if values not in DATA_TYPES:
        raise BudgetError(unknown("type of values", values, DATA_TYPES))
