"""`making`: a folder of the cache that one process makes while the others wait for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

__all__ = ["making"]


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Gives the path of a new folder, which takes the place of `folder` when the block ends.

    One process at a time is in such a block: look in it whether another one has made the folder meanwhile,
    and make no new one if so. If the block fails, `folder` is as it was.

    Args:
        folder: what is made or replaced; the folders above it are made too.

    Raises:
        OSError: it cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = folder.with_name(f".{folder.name}.new")
    lock = folder.with_name(f".{folder.name}.lock")
    with FileLock(lock):
        try:
            if new.exists():  # of a process that was killed
                shutil.rmtree(new)
            yield new
            if new.exists():
                if folder.exists():
                    shutil.rmtree(folder)
                new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            with suppress(OSError):  # whoever waits for it notices, and makes another; Windows refuses
                lock.unlink()
