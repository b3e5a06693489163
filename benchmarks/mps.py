"""NVIDIA's MPS: processes that share a GPU compute at the same time, where they would take turns."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["CONTROL", "mps"]

CONTROL = "nvidia-cuda-mps-control"


@contextmanager
def mps() -> Iterator[None]:
    """In the block, what is started shares the GPU through MPS.

    Raises:
        OSError: the driver's program is not there.
        subprocess.CalledProcessError: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="mps") as folder:
        pipes, logs = Path(folder) / "pipe", Path(folder) / "log"
        pipes.mkdir()
        logs.mkdir()
        here = {"CUDA_MPS_PIPE_DIRECTORY": str(pipes), "CUDA_MPS_LOG_DIRECTORY": str(logs)}
        before = {name: os.environ.get(name) for name in here}
        os.environ.update(here)
        try:
            subprocess.run([CONTROL, "-d"], stdin=subprocess.DEVNULL, check=True, timeout=30)
            try:
                yield
            finally:
                subprocess.run([CONTROL], input="quit\n", text=True, check=False, timeout=60)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
