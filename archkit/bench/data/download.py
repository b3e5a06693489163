"""`fetched`: the data sets that torchvision downloads, kept in the cache as they were published."""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import CIFAR10, CIFAR100, SVHN, FashionMNIST
from torchvision.datasets.utils import check_integrity

from archkit.bench.data.dataset import Decoded, Part
from archkit.bench.data.making import making
from archkit.bench.data.sources import FOLDER_LAYOUT
from archkit.errors import DataError, DownloadError

__all__ = ["fetched"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """How a data set is read and fetched.

    Attributes:
        title: what people call it.
        read: reads it from a folder; raises RuntimeError, as torchvision does, if it is not there or is not
            what was published.
        fetch: downloads it into a folder.
    """

    title: str
    read: Callable[[Path], Decoded]
    fetch: Callable[[Path], None]


def fetched(name: str, cache: Path) -> Decoded:
    """`cifar10`, `cifar100`, `fashion-mnist` or `svhn`.

    It is downloaded unless the cache has all of it: every file is compared with its published MD5 before it
    is read.

    Args:
        name: the name of the data set.
        cache: the cache; the files are kept in a folder of that name in it.

    Returns:
        The same as `archkit.bench.data.folder.read_folder`. Fashion-MNIST has one channel of 28 x 28, the
        others three of 32 x 32.

    Raises:
        DownloadError: it is not in the cache and cannot be downloaded; the cache is as it was.
        DataError: a package that is needed to read it is not installed.
    """
    source, kept = _SOURCES[name], cache / name
    try:
        return source.read(kept)
    except (RuntimeError, FileNotFoundError):  # another process may be about to replace it
        _download(source, kept)
        return source.read(kept)


def _download(source: _Source, kept: Path) -> None:
    """Downloads it, one process at a time, unless another one has done so by then."""
    try:
        with making(kept) as new:
            try:
                source.read(kept)
            except RuntimeError:
                # torchvision says what it does on standard output, which is for results.
                with contextlib.redirect_stdout(sys.stderr):
                    source.fetch(new)
    except (OSError, RuntimeError, EOFError, tarfile.TarError) as error:
        raise DownloadError(
            f"{source.title} could not be downloaded ({_short(error)}): give a folder of images with"
            f" --data DIR ({FOLDER_LAYOUT}) or use the embedded ones with --data shapes"
        ) from error


def _short(error: Exception) -> str:
    """The reason on one line, without what urllib wraps around it."""
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())


def _cifar(kind: type[CIFAR10]) -> _Source:
    """CIFAR-10 and CIFAR-100, whose files torchvision checks whenever it opens them."""

    def read(kept: Path) -> Decoded:
        train, test = kind(kept, train=True), kind(kept, train=False)
        return tuple(train.classes), arrays(train), arrays(test)

    def arrays(part: CIFAR10) -> Part:
        # torchvision has them as N x 32 x 32 x 3.
        return np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.asarray(part.targets, np.int64)

    def fetch(folder: Path) -> None:
        kind(folder, download=True)
        (folder / kind.filename).unlink()  # the archive; what was in it is kept

    return _Source(title="CIFAR-100" if kind is CIFAR100 else "CIFAR-10", read=read, fetch=fetch)


def _read_fashion(kept: Path) -> Decoded:
    raw = kept / "FashionMNIST" / "raw"
    # torchvision checks the archives when they arrive, but never what it has unpacked from them; so it is
    # the archives that are kept and read.
    for name, md5 in FashionMNIST.resources:
        if not check_integrity(str(raw / name), md5):
            raise RuntimeError(f"{name} is not there, or not what was published")
    pixels = {p: _idx(raw / f"{p}-images-idx3-ubyte.gz")[:, None] for p in ("train", "t10k")}
    labels = {p: _idx(raw / f"{p}-labels-idx1-ubyte.gz").astype(np.int64) for p in ("train", "t10k")}
    return tuple(FashionMNIST.classes), (pixels["train"], labels["train"]), (pixels["t10k"], labels["t10k"])


def _fetch_fashion(folder: Path) -> None:
    FashionMNIST(folder, download=True)
    for path in (folder / "FashionMNIST" / "raw").iterdir():
        if path.suffix != ".gz":
            path.unlink()


def _idx(path: Path) -> NDArray[np.uint8]:
    """An array in the IDX format: two zeros, the type (8 is uint8), how many axes, their sizes, the data."""
    content = gzip.decompress(path.read_bytes())
    sizes = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(tuple(sizes)).copy()


def _read_svhn(kept: Path) -> Decoded:
    if importlib.util.find_spec("scipy") is None:  # said before 240 MB are downloaded for nothing
        raise DataError("svhn is read with scipy, which is not installed: pip install scipy")

    def arrays(split: str) -> Part:
        part = SVHN(kept, split=split)
        return np.ascontiguousarray(part.data), np.asarray(part.labels, np.int64)

    return tuple(str(digit) for digit in range(10)), arrays("train"), arrays("test")


def _fetch_svhn(folder: Path) -> None:
    for part in ("train", "test"):
        SVHN(folder, split=part, download=True)


_SOURCES: Final = {
    "cifar10": _cifar(CIFAR10),
    "cifar100": _cifar(CIFAR100),
    "fashion-mnist": _Source(title="Fashion-MNIST", read=_read_fashion, fetch=_fetch_fashion),
    "svhn": _Source(title="SVHN", read=_read_svhn, fetch=_fetch_svhn),
}
