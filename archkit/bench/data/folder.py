"""`read_folder`: a folder of images by class, `DIR/{train,test}/<class>/*.png|jpg|jpeg`."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archkit.bench.data.dataset import Decoded, Part
from archkit.bench.data.pixels import read_pixels, survey
from archkit.bench.data.sources import FOLDER_LAYOUT, is_utf8
from archkit.errors import DataError

__all__ = ["Planned", "listing", "planned", "planned_test", "read_folder"]

_File: TypeAlias = "os.DirEntry[str]"

_ENDINGS: Final = (".png", ".jpg", ".jpeg")
_CHUNK: Final = 64  # files that a task decodes: enough to hide the cost of handing it to a thread


def read_folder(
    folder: Path, *, channels: int | None = None, scale_to: tuple[int, int] | None = None
) -> Decoded:
    """Reads all images, as `archkit.bench.data.pixels` says.

    Classes are sorted by name, images by class and file name. Names that begin with a dot and files
    with other endings are ignored.

    Args:
        folder: contains `train` and `test`, each with a folder for every class.
        channels: 1 or 3; unless given, 1 if every image is gray, else 3.
        scale_to: H and W to scale every image to; unless given, all must have one size.

    Returns:
        The names of the classes; training images, N x C x H x W, and labels; the same for testing.

    Raises:
        DataError: a folder is missing or empty, `train` and `test` have different classes, a file is not an
            image, images differ in size, or there is not enough memory.
    """
    return planned(folder, channels=channels, scale_to=scale_to).decoded()


def planned(folder: Path, *, channels: int | None = None, scale_to: tuple[int, int] | None = None) -> Planned:
    """Which images a folder has and what is to become of them; the same arguments and errors."""
    names, files = _files(folder)
    scale = scale_to is not None
    size = scale_to[::-1] if scale_to is not None else (0, 0)
    if channels is None or not scale:
        found, stored = _survey([*files["train"], *files["test"]])
        channels, size = channels or found, size if scale else stored
    return Planned(names=names, files=files, size=size, channels=channels, scale=scale)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Planned:
    """Images that are to be decoded.

    Attributes:
        names: of the classes.
        files: for `train` and for `test`, or for one of them, the files of each class.
        size: W and H.
        channels: 1 or 3.
        scale: whether images are scaled to that size; otherwise all must have it.
    """

    names: tuple[str, ...]
    files: dict[str, list[list[_File]]]
    size: tuple[int, int]
    channels: int
    scale: bool

    @property
    def image(self) -> tuple[int, int, int]:
        """H, W, C."""
        return self.size[1], self.size[0], self.channels

    @property
    def bytes(self) -> int:
        """What all images take when they are decoded."""
        count = sum(len(of_class) for of_part in self.files.values() for of_class in of_part)
        return count * math.prod(self.image)

    def part(self, name: str) -> tuple[list[str], NDArray[np.int64]]:
        """The paths of the images of `train` or `test`, and their labels."""
        files = self.files[name]
        labels = np.repeat(np.arange(len(files), dtype=np.int64), [len(of_class) for of_class in files])
        return [file.path for of_class in files for file in of_class], labels

    def decoded(self) -> Decoded:
        """All of it, in memory."""
        return self.names, self.decoded_part("train"), self.decoded_part("test")

    def decoded_part(self, name: str) -> Part:
        """The images of `train` or `test`, N x C x H x W, and their labels, in memory."""
        return _decode(self.files[name], self.size, self.channels, self.scale)

    def decode_into(self, paths: Sequence[str], put: Callable[[int, NDArray[np.uint8]], None]) -> None:
        """Decodes images in threads, and calls `put` with the number of each and its C x H x W pixels."""
        size = self.size

        def decode(i: int) -> None:
            image = read_pixels(paths[i], self.channels, size[::-1] if self.scale else None)
            if image.shape[:0:-1] != size:
                raise DataError(
                    f"{paths[i]} is {_by(image.shape[:0:-1])} pixels, the first image {_by(size)};"
                    " one size is needed"
                )
            put(i, image)

        _for_each(len(paths), decode)


def planned_test(folder: Path, *, channels: int, scale_to: tuple[int, int] | None = None) -> Planned:
    """The same as `planned` for the images in `folder/test` alone.

    Raises:
        DataError: as `read_folder`.
    """
    names = _classes(folder / "test")
    files = [_images(folder / "test" / name) for name in names]
    scale = scale_to is not None
    size = scale_to[::-1] if scale_to is not None else _survey(files)[1]
    return Planned(names=names, files={"test": files}, size=size, channels=channels, scale=scale)


def listing(folder: Path, of: Planned | None = None) -> str:
    """A hash over the name, size and time of change of every image, which tells whether any has changed.

    Args:
        folder: contains `train` and `test`.
        of: what `planned_test` gave, if it is about these images alone.

    Raises:
        DataError: a folder is missing or empty, or `train` and `test` have different classes.
    """
    digest = hashlib.sha256()
    try:
        names, files = _files(folder) if of is None else (of.names, of.files)
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
    for name in found:
        # A result is written in UTF-8, and the names of the classes are in it.
        if not is_utf8(name):
            raise DataError(f"{folder} has a class folder whose name is not UTF-8: {name!a}; rename it")
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


def _decode(files: Sequence[Sequence[_File]], size: tuple[int, int], channels: int, scale: bool) -> Part:
    """Images, N x C x H x W, and labels, N. `files` has a list for each class; `size` is W, H.

    If `scale`, images are scaled to that size; otherwise all must have it.
    """
    paths = [file.path for of_class in files for file in of_class]
    labels = np.repeat(np.arange(len(files), dtype=np.int64), [len(of_class) for of_class in files])
    try:
        images = np.empty((len(paths), channels, size[1], size[0]), np.uint8)
    except MemoryError as error:
        need = len(paths) * channels * size[0] * size[1] / 2**30
        raise DataError(
            f"{len(paths):,} images of {_by(size)} pixels take {need:,.0f} GiB, more memory than there is;"
            " --resize makes them as small as the network's input"
        ) from error
    planned = Planned(names=(), files={}, size=size, channels=channels, scale=scale)
    planned.decode_into(paths, images.__setitem__)
    return images, labels


def _survey(files: Sequence[Sequence[_File]]) -> tuple[int, tuple[int, int]]:
    """The channels of the images, 1 if all of them are gray, and the size, W and H, that all should have.

    It reads the heads of the files alone, so that a wrong size is found before there is memory for all
    images.

    Raises:
        DataError: a file is not an image, or the first image is of a size that most others are not.
    """
    paths = [file.path for of_class in files for file in of_class]
    found: list[tuple[bool, tuple[int, int]]] = [(True, (0, 0))] * len(paths)

    def look(i: int) -> None:
        found[i] = survey(paths[i])

    _for_each(len(paths), look)
    # An image on its side, which the EXIF orientation turns, counts as of the same size here.
    sizes = Counter(tuple(sorted(size)) for _, size in found)
    common, images = sizes.most_common(1)[0]
    first = tuple(sorted(found[0][1]))
    if sizes[first] < images:
        other = next(size for _, size in found if tuple(sorted(size)) == common)
        raise DataError(
            f"{paths[0]} is {_by(found[0][1])} pixels, and {images:,} of the {len(paths):,} images are"
            f" {_by(other)}; one size is needed"
        )
    # This one is decoded, and so it is turned.
    return 1 if all(gray for gray, _ in found) else 3, read_pixels(paths[0], 1, None).shape[:0:-1]


def _for_each(count: int, work: Callable[[int], None]) -> None:
    """Calls `work` with 0 to `count` - 1 in threads: Pillow releases Python's lock while it decodes."""

    def some(start: int) -> None:
        for i in range(start, min(start + _CHUNK, count)):
            work(i)

    with ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1)) as pool:
        tasks = [pool.submit(some, start) for start in range(0, count, _CHUNK)]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _by(size: Sequence[int]) -> str:
    return "x".join(map(str, size))
