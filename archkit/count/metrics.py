"""The names of what a network costs, and the words for them.

A budget limits these figures and `solve` ranks by them. The names stand apart from the arithmetic, which
needs numpy, so that a help text can list them without waiting for it.
"""

from __future__ import annotations

from typing import Final

from archkit.count.closed import Cost

__all__ = [
    "ARENA",
    "CAPACITY",
    "DEVICE",
    "ENTROPY",
    "FIGURES",
    "FLASH",
    "LIMITED",
    "OBJECTIVES",
    "PEAK",
    "TRAINING",
    "as_options",
    "words",
]

TRAINING: Final = "training_memory"
PEAK: Final = "peak_memory"
FIGURES: Final = (*Cost._fields, TRAINING, PEAK)
"""What tables over blocks give. Each is a sum over blocks, except the last, which is their maximum."""

ARENA: Final = "arena"
FLASH: Final = "flash"
DEVICE: Final = (ARENA, FLASH)
"""What TensorFlow Lite Micro takes for a network: of a whole one, no sum over its blocks."""

LIMITED: Final = (*FIGURES, *DEVICE)
"""What a budget can limit, apart from the figures of tables."""

CAPACITY: Final = "capacity"
ENTROPY: Final = "entropy"
OBJECTIVES: Final = (CAPACITY, ENTROPY, *FIGURES)
"""What `solve` can rank networks by, the default first."""

_WORDS: Final = {
    "params": "parameters",
    "macs": "MACs",
    "activations": "activations",
    "depth": "layers of depth",
    TRAINING: "bytes of training memory",
    PEAK: "bytes of peak memory",
    ARENA: "bytes of arena",
    FLASH: "bytes of flash",
    "bytes": "bytes",
}


def as_options(*names: str) -> str:
    """Names as they are written in options: `training-memory, peak-memory`."""
    return ", ".join(names).replace("_", "-")


def words(name: str) -> str:
    """A figure, or what it is counted in, in words: `MACs`, `bytes of peak memory`, `bytes`."""
    return _WORDS[name]
