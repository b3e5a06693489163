"""Where a figure was measured: what every benchmark prints beside it."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import archkit
from archkit.processor import cpu_name

__all__ = ["command", "machine"]


def command() -> list[str]:
    """The command that runs, from the root of the repository, wherever that lies."""
    return ["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]


def machine(*packages: str) -> dict[str, str | int | None]:
    """The processor, the system, Python and the versions of some packages; what is not found out is None."""
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "archkit": archkit.__version__,  # which need not be installed
        **{name: _version(name) for name in packages},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
