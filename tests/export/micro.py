"""TensorFlow Lite Micro as an oracle: what its interpreter allocates for a file, and what it computes."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Any, NamedTuple

import numpy as np
import pytest

runtime = pytest.importorskip("tflite_micro", reason="tflite-micro has wheels for Linux on x86 only").runtime


class Allocated(NamedTuple):
    """Bytes of the arena, as the interpreter prints them once it has run."""

    head: int
    tail: int


def interpreter(content: bytes, arena: int | None = None) -> Any:
    """Of a file; its arena is ample unless its size is given, and ends at a multiple of 16."""
    size = -(-max(10 * len(content), 1 << 24) // 16) * 16 if arena is None else arena
    return runtime.Interpreter.from_bytes(
        content, arena_size=size, intrepreter_config=runtime.InterpreterConfig.kAllocationRecording
    )


def allocated(content: bytes) -> Allocated:
    """What a file takes."""
    micro = interpreter(content)
    run(micro)
    # It prints to the process's standard error, past Python's.
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            micro.print_allocations()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        printed = file.read().decode()
    figures = [re.search(rf"Arena allocation {part} (\d+) bytes", printed) for part in Allocated._fields]
    return Allocated(*(int(figure[1]) for figure in figures if figure is not None))


def run(micro: Any, image: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """The logits of one H x W x C image, real numbers in and out; of zeros where none is given."""
    entry, exit_ = micro.get_input_details(0), micro.get_output_details(0)
    stored = np.zeros(entry["shape"], entry["dtype"]) if image is None else _stored(image[None], entry)
    micro.set_input(stored, 0)
    micro.invoke()
    scales = exit_["quantization_parameters"]["scales"]
    logits = micro.get_output(0)[0].astype(np.float32)
    if not len(scales):
        return logits
    zero = exit_["quantization_parameters"]["zero_points"][0]
    return (logits - zero) * scales[0]


def _stored(image: np.ndarray[Any, Any], entry: Any) -> np.ndarray[Any, Any]:
    scales = entry["quantization_parameters"]["scales"]
    if not len(scales):
        return image.astype(np.float32)
    bounds = np.iinfo(entry["dtype"])
    steps = np.rint(image / scales[0]) + entry["quantization_parameters"]["zero_points"][0]
    return np.clip(steps, bounds.min, bounds.max).astype(entry["dtype"])
