"""Data sets that torchvision downloads, kept in a cache folder."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import CIFAR10

from archkit.bench.folder import LAYOUT
from archkit.errors import DownloadError

__all__ = ["cifar10"]

Labelled: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]


def cifar10(cache: Path) -> tuple[tuple[str, ...], Labelled, Labelled]:
    """CIFAR-10: 50,000 training and 10,000 test images of 3 x 32 x 32.

    It is downloaded where the cache does not hold it whole: torchvision compares every file with its
    published MD5 before it reads it.

    Args:
        cache: the files are kept in its folder `cifar10`.

    Returns:
        As `archkit.bench.folder.read_folder`.

    Raises:
        DownloadError: it is not in the cache and cannot be downloaded; the cache is as before.
    """
    kept = cache / "cifar10"
    try:
        train = CIFAR10(kept, train=True)
    except RuntimeError:  # torchvision's word for "not there, or not what was published"
        _download(kept)
        train = CIFAR10(kept, train=True)
    return tuple(train.classes), _arrays(train), _arrays(CIFAR10(kept, train=False))


def _download(kept: Path) -> None:
    """Downloads into a folder beside `kept`, which takes its place only when it is complete."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".cifar10-") as folder:
            # torchvision announces what it does on standard output, which belongs to results.
            with contextlib.redirect_stdout(sys.stderr):
                CIFAR10(folder, download=True)
            (Path(folder) / CIFAR10.filename).unlink()  # the archive: its contents are kept
            if kept.exists():
                shutil.rmtree(kept)
            (Path(folder) / CIFAR10.base_folder).rename(_made(kept) / CIFAR10.base_folder)
    except (OSError, RuntimeError, EOFError, tarfile.TarError) as error:
        raise DownloadError(
            f"CIFAR-10 could not be downloaded ({_short(error)}): give a folder of images with"
            f" --data DIR ({LAYOUT}) or use the embedded ones with --data shapes"
        ) from error


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _short(error: Exception) -> str:
    """The reason on one line, without the wrapping that urllib puts round it."""
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())


def _arrays(part: CIFAR10) -> Labelled:
    """Images N x 3 x 32 x 32 and labels N."""
    # torchvision holds them N x 32 x 32 x 3.
    return np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.asarray(part.targets, np.int64)
