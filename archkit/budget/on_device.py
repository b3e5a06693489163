"""Whether one network keeps to limits on what it takes under TensorFlow Lite Micro, exactly."""

from __future__ import annotations

from archkit.budget.ends import UNLIMITED, Limit
from archkit.count.metrics import ARENA, FLASH
from archkit.count.tflm import DataType, device_memory, flash_at_most, head, lower
from archkit.count.tflm.arena import MAP_BYTES, aligned
from archkit.count.tflm.model_file import file_size
from archkit.count.tflm.tail import preparing, tail
from archkit.plan import layout
from archkit.spec import ArchSpec

__all__ = ["device_figures", "keeps_on_device"]


def device_figures(spec: ArchSpec, values: DataType) -> dict[str, int]:
    """The arena and the flash of a network, as `archkit count --memory --target tflm` gives them.

    Raises:
        ExportError: the network has a layer that TensorFlow Lite Micro has no operator for.
    """
    found = device_memory(spec, values=values)
    return {ARENA: found.arena, FLASH: found.flash}


def keeps_on_device(spec: ArchSpec, *, arena: Limit, flash: Limit, values: DataType) -> bool:
    """Whether a network's arena and flash keep to their limits; what bounds tell is not worked out.

    Raises:
        ExportError: as `device_figures`.
    """
    graph = lower(layout(spec))
    graph.check(values)
    if arena != UNLIMITED:
        stays = tail(graph, values)
        # With a lower limit the exact number counts, however small.
        enough = 0 if arena.high is None or arena.low is not None else arena.high - stays - 15
        planned = head(graph, MAP_BYTES[values], enough=enough)
        if not arena.allows(aligned(stays + max(planned, preparing(graph, values)))):
            return False
    if flash.low is None and (flash.high is None or flash_at_most(graph, values) <= flash.high):
        return True
    return flash.allows(file_size(graph, values))
