"""The names of the data sets, and the folder in which they are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["DOWNLOADS", "FOLDER_LAYOUT", "SOURCES", "cache_dir"]

DOWNLOADS: Final = ("cifar10", "cifar100", "fashion-mnist", "svhn")
"""The data sets that torchvision downloads."""

SOURCES: Final = (*DOWNLOADS, "shapes")
"""The data sets that have a name; everything else is a folder."""

FOLDER_LAYOUT: Final = "DIR/{train,test}/<class>/*.png|jpg|jpeg"
"""What a folder of images must look like."""


def cache_dir() -> Path:
    """Where downloads and decoded images are kept: $ARCHKIT_CACHE, else `archkit` in the user's cache folder.

    The user's cache folder is the system's own: ~/.cache or $XDG_CACHE_HOME on Linux.
    """
    if own := os.environ.get("ARCHKIT_CACHE"):
        return Path(own)
    import platformdirs

    return platformdirs.user_cache_path("archkit", appauthor=False)
