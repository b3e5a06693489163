"""`read_folder`: a folder of images by class, `DIR/{train,test}/<class>/*.png|jpg|jpeg`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from PIL import Image

from archkit.bench.data.dataset import Decoded, Part
from archkit.bench.data.sources import FOLDER_LAYOUT
from archkit.errors import DataError

__all__ = ["listing", "read_folder"]

_File: TypeAlias = "os.DirEntry[str]"

_ENDINGS: Final = (".png", ".jpg", ".jpeg")
_CHUNK: Final = 64  # files that a task decodes: enough to hide the cost of handing it to a thread


def read_folder(folder: Path) -> Decoded:
    """Reads all images as RGB.

    Classes are sorted by name, images by class and file name. Names that begin with a dot and files
    with other endings are ignored.

    Args:
        folder: contains `train` and `test`, each with a folder for every class.

    Returns:
        The names of the classes; training images, N x 3 x H x W, and labels; the same for testing.

    Raises:
        DataError: a folder is missing or empty, `train` and `test` have different classes, a file is not an
            image, or images differ in size.
    """
    names, files = _files(folder)
    size = _open(files["train"][0][0].path).size
    train, test = (_decode(files[part], size) for part in ("train", "test"))
    return names, train, test


def listing(folder: Path) -> str:
    """A hash over the name, size and time of change of every image, which tells whether any has changed.

    Raises:
        DataError: a folder is missing or empty, or `train` and `test` have different classes.
    """
    digest = hashlib.sha256()
    try:
        names, files = _files(folder)
        for part, of_part in files.items():
            for name, of_class in zip(names, of_part, strict=True):
                for file in of_class:
                    found = file.stat()
                    line = f"{part}/{name}/{file.name}\n{found.st_size} {found.st_mtime_ns}\n"
                    digest.update(os.fsencode(line))
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    return digest.hexdigest()


def _files(folder: Path) -> tuple[tuple[str, ...], dict[str, list[list[_File]]]]:
    """The names of the classes; and, for `train` and for `test`, the files of each class."""
    classes = {part: _classes(folder / part) for part in ("train", "test")}
    for one, other in (("train", "test"), ("test", "train")):
        if missing := sorted(set(classes[one]) - set(classes[other])):
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise DataError(f"{folder}: class {missing[0]!r}{more} is in {one} but not in {other}")
    names = classes["train"]
    return names, {part: [_images(folder / part / name) for name in names] for part in classes}


def _classes(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder.parent} has no folder {folder.name!r}; expected {FOLDER_LAYOUT}")
    found = tuple(file.name for file in _listed(folder) if file.is_dir())
    if not found:
        raise DataError(f"{folder} has no class folders; expected {FOLDER_LAYOUT}")
    return found


def _images(folder: Path) -> list[_File]:
    found = [file for file in _listed(folder) if file.name.lower().endswith(_ENDINGS)]
    if not found:
        raise DataError(f"class folder {folder} has no .png, .jpg or .jpeg images")
    return found


def _listed(folder: Path) -> list[_File]:
    # Not Path.iterdir, whose 60,000 paths take a second longer to make and to sort.
    try:
        with os.scandir(folder) as found:
            return sorted((f for f in found if not f.name.startswith(".")), key=lambda file: file.name)
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror}") from error


def _decode(files: Sequence[Sequence[_File]], size: tuple[int, int]) -> Part:
    """Images, N x 3 x H x W, and labels, N. `files` has a list for each class; `size` is W, H."""
    paths = [file.path for of_class in files for file in of_class]
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

    # Pillow releases Python's lock while it decodes, so threads are enough.
    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        tasks = [pool.submit(decode, start) for start in range(0, len(paths), _CHUNK)]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return images, labels


def _open(path: str) -> Image.Image:
    """One image, decoded, in RGB."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    # For a broken file Pillow's decoders raise any of these, besides UnidentifiedImageError, an OSError.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a readable image") from error
