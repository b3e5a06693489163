"""`load_data`: the data set that `--data` names, and `load_test`, its test images alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archkit.bench.data import shapes
from archkit.bench.data.cache import decoded_once
from archkit.bench.data.dataset import DataSet, Decoded, Part
from archkit.bench.data.folder import Planned, listing, planned, planned_test
from archkit.bench.data.mapped import map_above, mapped_once, mapped_test_once, opened, opened_test
from archkit.bench.data.pixels import fitted
from archkit.bench.data.sources import DOWNLOADS, SOURCES, cache_dir, check_source
from archkit.errors import DataError

__all__ = ["load_data", "load_test"]

_SHAPES_SEED: Final = 0


def load_data(
    source: str,
    *,
    cache: Path | None = None,
    input: tuple[int, int, int] | None = None,  # noqa: A002 - the option of the language
    resize: bool = False,
) -> DataSet:
    """The data set that `--data` names.

    Images that are downloaded or read from a folder are decoded once: the cache keeps them in one file, whose
    checksum is compared whenever it is read; or, if they take more than a quarter of the memory, in several
    files that are mapped into it, see `archkit.bench.data.mapped`.

    Args:
        source: `cifar10`, `cifar100`, `fashion-mnist` or `svhn`, downloaded once through torchvision;
            `shapes`, drawn here; or the path of a folder `{train,test}/<class>/*.png|jpg|jpeg`.
        cache: where downloads and decoded images are kept; `cache_dir()` unless given.
        input: C, H, W that the images are to have; their own unless given. They become gray or RGB as C
            says.
        resize: whether images of another size are scaled to H and W; otherwise they are refused.

    Raises:
        DataError: there is no such source, it is incomplete or unreadable, or its images are not as `input`
            says.
        DownloadError: it could not be downloaded.
    """
    check_source(source)
    wanted = _Wanted.of(input, resize=resize)
    if source == "shapes":
        return wanted.fit(
            DataSet.of(
                "shapes",
                shapes.CLASSES,
                shapes.draw(shapes.TRAIN_IMAGES, _SHAPES_SEED, stream=0),
                shapes.draw(shapes.TEST_IMAGES, _SHAPES_SEED, stream=1),
            )
        )
    cache = cache if cache is not None else cache_dir()
    if source in DOWNLOADS:

        def download() -> Decoded:
            from archkit.bench.data.download import fetched  # torchvision: only where it is needed

            return fetched(source, cache)

        return wanted.fit(decoded_once(cache / "decoded" / f"{source}.safetensors", source, source, download))
    folder = Path(source).resolve()
    name, shards = _name(folder), _shards(folder, cache, wanted.words)
    path = shards.with_name(f"{shards.name}.safetensors")
    source, limit = listing(folder) + wanted.words, map_above()
    # Where there is room by now, or the limit is another one, what was mapped stays so.
    if shards.is_dir() and (found := opened(shards, name, source)) is not None:
        return wanted.fit(found)

    def read() -> Decoded:
        images = planned(folder, channels=wanted.channels, scale_to=wanted.scale_to)
        if images.bytes > limit:
            raise _TooLargeError(images)
        return images.decoded()

    try:
        return wanted.fit(decoded_once(path, name, source, read))
    except _TooLargeError as large:
        return wanted.fit(mapped_once(shards, name, source, large.planned))


def load_test(
    source: str,
    *,
    cache: Path | None = None,
    input: tuple[int, int, int],  # noqa: A002 - the option of the language
    resize: bool = False,
) -> tuple[str, tuple[str, ...], Part]:
    """The test images of a data set alone; a folder needs only `DIR/test/<class>/`.

    Args:
        source: as for `load_data`, and so are the others.
        cache: where downloads and decoded images are kept.
        input: C, H, W of the images.
        resize: whether images of another size are scaled.

    Returns:
        The name of the data set, the names of its classes, and its test images and labels. Images that do not
        fit into memory are mapped, as for `load_data`.

    Raises:
        DataError: as `load_data`.
    """
    check_source(source)
    if source in SOURCES:
        data = load_data(source, cache=cache, input=input, resize=resize)
        return data.name, data.classes, (data.test_images, data.test_labels)
    wanted, folder = _Wanted.of(input, resize=resize), Path(source).resolve()
    names, part = _test_part(folder, cache if cache is not None else cache_dir(), wanted, input)
    wanted.check(_name(folder), part[0])
    return _name(folder), names, part


def _test_part(
    folder: Path, cache: Path, wanted: _Wanted, size: tuple[int, int, int]
) -> tuple[tuple[str, ...], Part]:
    """The names of the classes and the test images of a folder, which are mapped if they were for training.

    Otherwise they are mapped where they take more than `map_above` says, in files of their own.
    """
    # What was mapped as its images are, without a word about channels, may be what is wanted.
    for words in dict.fromkeys((wanted.words, wanted.words if wanted.resize else "")):
        shards = _shards(folder, cache, words)
        if shards.is_dir() and (folder / "train").is_dir():
            found = opened_test(shards, listing(folder) + words)
            if found is not None and found[1][0].shape[1:] == size:
                return found
    images = planned_test(folder, channels=size[0], scale_to=wanted.scale_to)
    if images.bytes <= map_above():
        return images.names, images.decoded_part("test")
    shards = _shards(folder, cache, f"{wanted.words}-test")
    now = listing(folder, images) + wanted.words
    return opened_test(shards, now) or mapped_test_once(shards, now, images)


def _shards(folder: Path, cache: Path, words: str) -> Path:
    """The folder of the cache in which the images of a folder are that are mapped."""
    digits = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return cache / "decoded" / f"{_name(folder)}-{digits}{words}"


class _TooLargeError(Exception):
    """The images are to be mapped; it ends the reading of them into memory."""

    def __init__(self, planned: Planned) -> None:
        super().__init__()
        self.planned = planned


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """What images are to be like.

    Attributes:
        channels: 1 or 3; None for their own.
        size: H and W; None for their own.
        resize: whether they are scaled to it.
    """

    channels: int | None = None
    size: tuple[int, int] | None = None
    resize: bool = False

    @classmethod
    def of(cls, input: tuple[int, int, int] | None, *, resize: bool) -> _Wanted:  # noqa: A002 - as above
        if input is None:
            if resize:
                raise DataError("--resize scales images to the size that the network says: add input=CxHxW")
            return cls()
        if input[0] not in (1, 3):
            raise DataError(f"images have 1 or 3 channels, and input={_by(input)} says {input[0]}")
        return cls(channels=input[0], size=input[1:], resize=resize)

    @property
    def scale_to(self) -> tuple[int, int] | None:
        """H and W to scale to, or None."""
        return self.size if self.resize else None

    @property
    def words(self) -> str:
        """What tells images made like this from the same images made otherwise."""
        words = "" if self.channels is None else f"-{self.channels}"
        return words if self.scale_to is None else f"{words}x{_by(self.scale_to)}"

    def fit(self, data: DataSet) -> DataSet:
        """The data set with the channels and the size that are wanted."""
        if self.channels is None or self.size is None or data.input == (self.channels, *self.size):
            return replace(data, resized=self.resize)
        if not self.resize:
            self.check(data.name, data.train_images)
        train, test = (
            fitted(images, self.channels, self.scale_to) for images in (data.train_images, data.test_images)
        )
        made = DataSet.of(data.name, data.classes, (train, data.train_labels), (test, data.test_labels))
        return replace(made, resized=self.resize)

    def check(self, name: str, images: NDArray[np.uint8]) -> None:
        """Raises DataError if the images are not of the size that is wanted."""
        if self.size is not None and images.shape[2:] != self.size:
            raise DataError(
                f"{name} has images of {_by(images.shape[2:])}, the network takes {_by(self.size)} (height x"
                " width): --resize scales them"
            )


def _name(folder: Path) -> str:
    """A folder's name; what is not UTF-8 in it could not be written into a result."""
    return os.fsencode(folder.name).decode("utf-8", "replace")


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
