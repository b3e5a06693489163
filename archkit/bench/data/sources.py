"""The names of the data sets, and the folder in which they are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from archkit.errors import DataError, likely

__all__ = ["DOWNLOADS", "FOLDER_LAYOUT", "SOURCES", "cache_dir", "check_source", "is_utf8"]

DOWNLOADS: Final = ("cifar10", "cifar100", "fashion-mnist", "svhn")
"""The data sets that torchvision downloads."""

SOURCES: Final = (*DOWNLOADS, "shapes")
"""The data sets that have a name; everything else is a folder."""

FOLDER_LAYOUT: Final = "DIR/{train,test}/<class>/*.png|jpg|jpeg"
"""What a folder of images must look like."""


def check_source(source: str, *parts: str) -> None:
    """Checks that a source is a data set that has a name, or a folder that is there.

    It is light, so that a command can ask before it imports torch.

    Args:
        source: what `--data` says.
        parts: folders that it must contain if it is a folder.

    Raises:
        DataError: it is neither, or a part is missing.
    """
    if source in SOURCES:
        return
    folder = Path(source)
    if not folder.is_dir():
        if "/" in source or "\\" in source or folder.exists():
            raise DataError(f"{source} is not a folder; expected {FOLDER_LAYOUT}")
        raise DataError(f"no data set or folder is called {source!r}; {likely(source, SOURCES)}")
    for part in parts:
        if not (folder / part).is_dir():
            raise DataError(f"{folder.resolve()} has no folder {part!r}; expected {FOLDER_LAYOUT}")


def is_utf8(name: str) -> bool:
    """Whether a file's name is one in UTF-8; Python keeps other bytes as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def cache_dir() -> Path:
    """Where downloads and decoded images are kept: $ARCHKIT_CACHE, else `archkit` in the user's cache folder.

    The user's cache folder is the system's own: ~/.cache or $XDG_CACHE_HOME on Linux.
    """
    if own := os.environ.get("ARCHKIT_CACHE"):
        return Path(own)
    import platformdirs

    return platformdirs.user_cache_path("archkit", appauthor=False)
