"""NVIDIA's MPS: processes that share a GPU compute at the same time, where they would take turns."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["has_mps", "mps"]

CONTROL = "nvidia-cuda-mps-control"
TO_START = 30.0  # seconds
TO_END = 10.0


def has_mps() -> bool:
    """Whether the driver's program is there."""
    return shutil.which(CONTROL) is not None


@contextmanager
def mps() -> Iterator[bool]:
    """In the block, what is started shares the GPU through MPS, unless it cannot be started: False then.

    What was measured in the block is not lost if MPS does not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="mps", ignore_cleanup_errors=True) as folder:
        here = {}
        for name in ("PIPE", "LOG"):
            place = Path(folder) / name.lower()
            place.mkdir()
            here[f"CUDA_MPS_{name}_DIRECTORY"] = str(place)
        before = {name: os.environ.get(name) for name in here}
        os.environ.update(here)
        started = False
        try:
            started = _told("-d", timeout=TO_START)
            if not started:
                _restore(before)  # what is started must not look for it there
            yield started
        finally:
            if started:
                _told(says="quit\n", timeout=TO_END)
            _restore(before)


def _told(*options: str, says: str = "", timeout: float) -> bool:
    """Whether the program did what it was told."""
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([CONTROL, *options], input=says, text=True, check=True, timeout=timeout)
        return True
    return False


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
