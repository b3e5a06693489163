"""Reads a folder of images by class: `DIR/{train,test}/<class>/*.png|jpg|jpeg`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archkit.errors import DataError

__all__ = ["LAYOUT", "read_folder"]

Labelled: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]

LAYOUT: Final = "DIR/{train,test}/<class>/*.png|jpg|jpeg"

_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg"})
_CHUNK: Final = 64  # files a task decodes: enough to hide the cost of handing it to a thread


def read_folder(folder: Path) -> tuple[tuple[str, ...], Labelled, Labelled]:
    """Reads all images as RGB.

    Classes are sorted by name, images by class and file name. Names that begin with a dot and files
    with other endings are left alone.

    Args:
        folder: holds `train` and `test`, each with one folder for each class.

    Returns:
        The names of the classes; training images, N x 3 x H x W, and labels; the same for testing.

    Raises:
        DataError: a folder is missing or empty, `train` and `test` hold different classes, a file is no
            image, or images differ in size.
    """
    classes = {part: _classes(folder / part) for part in ("train", "test")}
    for one, other in (("train", "test"), ("test", "train")):
        if missing := sorted(set(classes[one]) - set(classes[other])):
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DataError(f"{folder}: class {missing[0]!r}{more} is in {one} but not in {other}")
    names = classes["train"]
    files = {part: [_images(folder / part / name) for name in names] for part in classes}
    size = _open(files["train"][0][0]).size
    train, test = (_decode(files[part], size) for part in ("train", "test"))
    return names, train, test


def _classes(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder.parent} has no folder {folder.name!r}; expected {LAYOUT}")
    found = tuple(sorted(p.name for p in _listed(folder) if p.is_dir()))
    if not found:
        raise DataError(f"{folder} has no class folders; expected {LAYOUT}")
    return found


def _images(folder: Path) -> list[Path]:
    found = [p for p in _listed(folder) if p.suffix.lower() in _ENDINGS]
    if not found:
        raise DataError(f"class folder {folder} has no .png, .jpg or .jpeg images")
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror}") from error


def _decode(files: Sequence[Sequence[Path]], size: tuple[int, int]) -> Labelled:
    """Images N x 3 x H x W and labels N; `files` has one list for each class, `size` is W, H."""
    paths = [p for of_class in files for p in of_class]
    labels = np.repeat(np.arange(len(files), dtype=np.int64), [len(of_class) for of_class in files])
    images = np.empty((len(paths), 3, size[1], size[0]), np.uint8)

    def decode(start: int) -> None:
        for i, path in enumerate(paths[start : start + _CHUNK], start):
            image = _open(path)
            if image.size != size:
                raise DataError(
                    f"{path} is {image.size[0]}x{image.size[1]} pixels, the first image {size[0]}x{size[1]};"
                    " one size is needed"
                )
            images[i] = np.asarray(image).transpose(2, 0, 1)

    # Pillow decodes without holding Python's lock, so threads are enough.
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        tasks = [pool.submit(decode, start) for start in range(0, len(paths), _CHUNK)]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return images, labels


def _open(path: Path) -> Image.Image:
    """One image, decoded, in RGB."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    # Pillow's decoders raise these for what is broken, besides UnidentifiedImageError, an OSError.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a readable image") from error
