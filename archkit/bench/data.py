"""`DataSet`: labelled images in memory, as one frozen value, and where they come from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archkit.bench import shapes
from archkit.bench.mapping import nearest
from archkit.errors import DataError

__all__ = ["DOWNLOADS", "SOURCES", "DataSet", "cache_dir", "load_data", "split"]

DOWNLOADS: Final = ("cifar10", "cifar100", "fashion-mnist", "svhn")
"""The data sets that torchvision downloads."""

SOURCES: Final = (*DOWNLOADS, "shapes")
"""The data sets that have a name; everything else is a folder."""

SPLIT_SEED: Final = 0
"""Seed of subsets and validation splits; not the run's, so that runs of several seeds share their data."""

_SHAPES_SEED: Final = 0

_Labelled: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]
_Parts: TypeAlias = tuple[tuple[str, ...], _Labelled, _Labelled]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataSet:
    """Labelled images; N for training, M for testing, K classes. Make one with `DataSet.of`.

    Attributes:
        name: where it came from: a named source, or the folder's name.
        classes: names of the classes, in the order of the labels.
        train_images: N x C x H x W, uint8, read-only.
        train_labels: N, int64, in 0..K-1, read-only.
        test_images: M x C x H x W, uint8, read-only.
        test_labels: M, int64, read-only.
        whole: images for training and testing before any subset was taken.
        checksum: SHA-256 over shapes, pixels and labels, hexadecimal.
    """

    name: str
    classes: tuple[str, ...]
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    whole: tuple[int, int]
    checksum: str

    @classmethod
    def of(
        cls,
        name: str,
        classes: tuple[str, ...],
        train: tuple[NDArray[np.uint8], NDArray[np.int64]],
        test: tuple[NDArray[np.uint8], NDArray[np.int64]],
    ) -> DataSet:
        """A data set from images and labels, checked and summed.

        Raises:
            DataError: fewer than two classes, no images, or images of two shapes.
        """
        if len(classes) < 2:
            raise DataError(f"{name} has {len(classes)} class; at least two are needed")
        if not len(train[0]) or not len(test[0]):
            raise DataError(f"{name} has no {'training' if len(test[0]) else 'test'} images")
        if train[0].shape[1:] != test[0].shape[1:]:
            raise DataError(
                f"{name}: training images are {_size(train[0])}, test images {_size(test[0])};"
                " one size is needed"
            )
        for array in (*train, *test):
            array.flags.writeable = False
        return cls(
            name=name,
            classes=classes,
            train_images=train[0],
            train_labels=train[1],
            test_images=test[0],
            test_labels=test[1],
            whole=(len(train[0]), len(test[0])),
            checksum=_checksum(*train, *test),
        )

    @property
    def input(self) -> tuple[int, int, int]:
        """C, H, W of one image."""
        _, c, h, w = self.train_images.shape
        return c, h, w

    def subset(self, *, train: int | None = None, test: int | None = None) -> DataSet:
        """The same data set with fewer images, drawn with a fixed seed, equally many of each class.

        Args:
            train: training images to keep; None for all.
            test: test images to keep; None for all.

        Raises:
            DataError: fewer images than classes, or more than there are (of one class).
        """
        if train is None and test is None:
            return self
        kept_train = _balanced(self.train_labels, train, len(self.classes), "train")
        kept_test = _balanced(self.test_labels, test, len(self.classes), "test")
        smaller = DataSet.of(
            self.name,
            self.classes,
            (self.train_images[kept_train], self.train_labels[kept_train]),
            (self.test_images[kept_test], self.test_labels[kept_test]),
        )
        return replace(smaller, whole=self.whole)


def load_data(source: str, *, cache: Path | None = None) -> DataSet:
    """The data set that `--data` names.

    What is downloaded or read from a folder is decoded once: the cache keeps it as one file, whose checksum
    is compared whenever it is read.

    Args:
        source: `cifar10`, `cifar100`, `fashion-mnist` or `svhn`, downloaded once through torchvision;
            `shapes`, drawn here; or the path of a folder `{train,test}/<class>/*.png|jpg|jpeg`.
        cache: where downloads and decoded images are kept; `cache_dir()` unless given.

    Raises:
        DataError: no such source, or it is incomplete or unreadable.
        DownloadError: it could not be downloaded.
    """
    if source == "shapes":
        return DataSet.of(
            "shapes",
            shapes.CLASSES,
            shapes.draw(shapes.TRAIN_IMAGES, _SHAPES_SEED, stream=0),
            shapes.draw(shapes.TEST_IMAGES, _SHAPES_SEED, stream=1),
        )
    from archkit.bench.cache import decoded_once

    kept = cache if cache is not None else cache_dir()
    if source in DOWNLOADS:

        def download() -> _Parts:
            from archkit.bench.download import fetched  # torchvision: only where it is needed

            return fetched(source, kept)

        return decoded_once(kept / "decoded" / f"{source}.safetensors", source, source, download)
    from archkit.bench.folder import listing, read_folder

    folder = Path(source)
    if not folder.is_dir():
        if "/" in source or "\\" in source or folder.exists():
            raise DataError(f"{source} is not a folder; expected DIR/{{train,test}}/<class>/*.png|jpg|jpeg")
        raise DataError(f"no data set or folder is called {source!r}{nearest(source, SOURCES)}")
    folder = folder.resolve()
    digits = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    path = kept / "decoded" / f"{folder.name}-{digits}.safetensors"
    return decoded_once(path, folder.name, listing(folder), lambda: read_folder(folder))


def cache_dir() -> Path:
    """Where downloads are kept: $ARCHKIT_CACHE, else `archkit` in the user's cache folder."""
    if own := os.environ.get("ARCHKIT_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "archkit"


def split(images: int, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to train on, and indices set apart for validation; a fixed random partition.

    >>> train, validation = split(50_000, 0.1)
    >>> len(train), len(validation)
    (45000, 5000)

    Args:
        images: training images in all.
        share: of them, for validation; rounded to whole images.

    Raises:
        DataError: nothing would be left on one side.
    """
    apart = round(images * share)
    if share > 0 and not 0 < apart < images:
        raise DataError(f"{images} training images cannot be split into training and {share:.0%} validation")
    order = np.random.Generator(np.random.PCG64(SPLIT_SEED)).permutation(images).astype(np.int64)
    return np.sort(order[apart:]), np.sort(order[:apart])


def _balanced(labels: NDArray[np.int64], wanted: int | None, K: int, what: str) -> NDArray[np.int64]:
    """Sorted indices of `wanted` images; where K does not divide it, the first classes get one more."""
    if wanted is None:
        return np.arange(len(labels), dtype=np.int64)
    if not K <= wanted <= len(labels):
        raise DataError(
            f"{what} size must be {K} (one of each class) to {len(labels)} (all there are), not {wanted}"
        )
    random = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    kept = []
    for label in range(K):
        members = np.flatnonzero(labels == label)
        count = wanted // K + (label < wanted % K)
        if count > len(members):
            raise DataError(
                f"{what} size {wanted} needs {count} images of each class; one has only {len(members)}"
            )
        kept.append(random.permutation(members)[:count])
    return np.sort(np.concatenate(kept))


def _size(images: NDArray[np.uint8]) -> str:
    return "x".join(str(n) for n in images.shape[1:])


def _checksum(*arrays: NDArray[np.uint8] | NDArray[np.int64]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{array.dtype.name}{array.shape}".encode())
        digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()
