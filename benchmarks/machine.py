"""Where a figure was measured: what every benchmark prints beside it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import archkit
from archkit.processor import cpu_name

__all__ = ["command", "each_in_its_process", "in_own_process", "machine"]


def command() -> list[str]:
    """The command that runs, from the root of the repository, wherever that lies."""
    return ["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]


def in_own_process(task: str) -> Any:
    """What the running benchmark prints as JSON for one of its tasks, each with its own peak of memory."""
    done = subprocess.run(
        [sys.executable, sys.argv[0], "--only", task], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def each_in_its_process(
    about: str, tasks: Iterable[str], work: Callable[[str], object]
) -> tuple[dict[str, Any], bool] | None:
    """What each task found, and whether JSON is asked for; None in the process of a single task.

    Args:
        about: the benchmark's docstring.
        tasks: their names.
        work: does one of them.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(work(args.only)))
        return None
    return {task: in_own_process(task) for task in tasks}, args.json


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
