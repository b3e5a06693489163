"""Decoded data sets in the cache: one file each, of uint8 images and labels, that is whole or not used.

The file is safetensors; its header names what it was decoded from and the checksum of the data set, which
is computed again whenever it is read. A file that was cut off or altered, or whose source has changed
since, is decoded again.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from archkit.bench.data import DataSet
from archkit.errors import DataError

__all__ = ["decoded_once"]

Labelled: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]

_FORMAT: Final = "1"


def decoded_once(
    path: Path, name: str, source: str, decode: Callable[[], tuple[tuple[str, ...], Labelled, Labelled]]
) -> DataSet:
    """The data set in the file `path`, or else what `decode` gives, which is then kept there.

    Args:
        path: of the file.
        name: of the data set.
        source: what it is decoded from, in whatever words; another source is another data set.
        decode: gives the names of the classes, training images and labels, and those for testing.

    Raises:
        DataError: what was decoded cannot be used.
    """
    found = _read(path, name, source)
    if found is not None:
        return found
    data = DataSet.of(name, *decode())
    try:
        _write(path, data, source)
    except OSError as error:
        # The run does not need it; the next one will take longer to start.
        warnings.warn(f"cannot keep the decoded images in {path}: {error.strerror or error}", stacklevel=2)
    return data


def _read(path: Path, name: str, source: str) -> DataSet | None:
    """The data set in the file; None where it is not there, not whole, or of another source."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:
            header = file.metadata() or {}
            if header.get("format") != _FORMAT or header.get("source") != source:
                return None
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        data = DataSet.of(
            name,
            tuple(json.loads(header["classes"])),
            (arrays["train_images"], arrays["train_labels"]),
            (arrays["test_images"], arrays["test_labels"]),
        )
    # Whatever is wrong with it, it is decoded again.
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, DataError):
        return None
    return data if header.get("sha256") == _hash(source, data) else None


def _write(path: Path, data: DataSet, source: str) -> None:
    """Writes the file beside `path`, whose place it takes when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    arrays = {
        "train_images": data.train_images,
        "train_labels": data.train_labels,
        "test_images": data.test_images,
        "test_labels": data.test_labels,
    }
    header = {
        "format": _FORMAT,
        "source": source,
        "classes": json.dumps(data.classes),
        "sha256": _hash(source, data),
    }
    try:
        save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, new, metadata=header)
        new.replace(path)
    except SafetensorError as error:
        raise OSError(None, str(error), str(path)) from error
    finally:
        new.unlink(missing_ok=True)


def _hash(source: str, data: DataSet) -> str:
    text = json.dumps([source, data.classes, data.checksum])
    return hashlib.sha256(text.encode()).hexdigest()
