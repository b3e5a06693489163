"""`DataSet`: labelled images in memory, as one frozen value; its subsets, and the split for validation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archkit.bench.data.shards import Shards
from archkit.errors import DataError

__all__ = ["DataSet", "Decoded", "Part", "part_checksum", "part_subset", "split"]

Part: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images for training or for testing, N x C x H x W, and their labels, N."""

Decoded: TypeAlias = tuple[tuple[str, ...], Part, Part]
"""The names of the classes; the images to train on; the images to test on."""

_SPLIT_SEED: Final = 0
"""Seed of subsets and validation splits; not the run's, so that runs of several seeds share their data."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataSet:
    """Labelled images; N for training, M for testing, K classes. Make one with `DataSet.of`.

    Attributes:
        name: the source's name, or the folder's.
        classes: names of the classes, in the order of the labels.
        train_images: N x C x H x W, uint8, read-only; or `Shards`, which do as if they were, for images that
            do not fit into memory.
        train_labels: N, int64, in 0..K-1, read-only.
        test_images: M x C x H x W, likewise.
        test_labels: M, int64, read-only.
        whole: how many images there were for training and testing before a subset was taken.
        resized: whether images of another size were scaled.
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
    resized: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        classes: tuple[str, ...],
        train: Part,
        test: Part,
    ) -> DataSet:
        """A data set from images and labels, checked and with its checksum.

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
            if isinstance(array, np.ndarray):  # `Shards` are read alone
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
        """The same data set with fewer images: equally many of each class, drawn with a fixed seed.

        Args:
            train: training images to keep; None for all.
            test: test images to keep; None for all.

        Raises:
            DataError: fewer images than classes are asked for, or more than there are (of one class).
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
        return replace(smaller, whole=self.whole, resized=self.resized)

    @property
    def test_checksum(self) -> str:
        """SHA-256 over the test images and labels, hexadecimal; see `part_checksum`."""
        return part_checksum((self.test_images, self.test_labels))


def part_checksum(part: Part) -> str:
    """SHA-256 over the shape, pixels and labels of images for training or for testing, hexadecimal."""
    return _checksum(*part)


def part_subset(part: Part, size: int, classes: int) -> Part:
    """The test images that `DataSet.subset` takes, of test images alone.

    Raises:
        DataError: see `DataSet.subset`.
    """
    kept = _balanced(part[1], size, classes, "test")
    return part[0][kept], part[1][kept]


def split(images: int, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to train on and indices set apart for validation: a random partition, always the same.

    >>> train, validation = split(50_000, 0.1)
    >>> len(train), len(validation)
    (45000, 5000)

    Args:
        images: how many training images there are.
        share: the share of them that is for validation; rounded to whole images.

    Raises:
        DataError: one side would be empty.
    """
    apart = round(images * share)
    if share > 0 and not 0 < apart < images:
        raise DataError(
            f"{images} training images cannot be split: with a share of {share:g} for validation, one side is"
            " empty"
        )
    order = np.random.Generator(np.random.PCG64(_SPLIT_SEED)).permutation(images).astype(np.int64)
    return np.sort(order[apart:]), np.sort(order[:apart])


def _balanced(labels: NDArray[np.int64], wanted: int | None, K: int, what: str) -> NDArray[np.int64]:
    """Sorted indices of `wanted` images; where K does not divide it, the first classes get one more."""
    if wanted is None:
        return np.arange(len(labels), dtype=np.int64)
    if not K <= wanted <= len(labels):
        raise DataError(
            f"{what} size must be {K} (one of each class) to {len(labels)} (all there are), not {wanted}"
        )
    random = np.random.Generator(np.random.PCG64(_SPLIT_SEED))
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


def _checksum(*arrays: NDArray[np.uint8] | NDArray[np.int64] | Shards) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if isinstance(array, Shards):
            digest.update(f"uint8{array.shape}".encode())
            for some in array.chunks():
                digest.update(np.ascontiguousarray(some).data)
            continue
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{array.dtype.name}{array.shape}".encode())
        digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()
