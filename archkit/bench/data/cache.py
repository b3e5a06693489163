"""`decoded_once`: data sets in the cache, each one file of uint8 images and labels.

The file is safetensors. Its header says what it was decoded from, and has a checksum of the data set that is
computed again whenever the file is read. If the file was cut off or altered, or if its source has changed
since, the data set is decoded again.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from archkit.bench.data.dataset import DataSet, Decoded
from archkit.errors import DataError
from archkit.files import replacing

__all__ = ["decoded_once"]

_FORMAT: Final = "2"  # of the file, and of what `archkit.bench.data.pixels` makes of an image


def decoded_once(path: Path, name: str, source: str, decode: Callable[[], Decoded]) -> DataSet:
    """The data set in the file `path`, or else what `decode` returns, which is then kept in that file.

    Args:
        path: the file.
        name: the name of the data set.
        source: any text that is different for different images; a file from another source is not used.
        decode: reads the images.

    Raises:
        DataError: the images that were decoded cannot be used.
    """
    found = _read(path, name, source)
    if found is not None:
        return found
    data = DataSet.of(name, *decode())
    try:
        _write(path, data, source)
    except OSError as error:
        # This run does without; the next one will take longer to start.
        warnings.warn(f"cannot keep the decoded images in {path}: {error.strerror or error}", stacklevel=2)
    return data


def _read(path: Path, name: str, source: str) -> DataSet | None:
    """The data set in the file; None if it is not there, is damaged, or is from another source."""
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
    # Whatever is wrong with the file, the images are decoded again.
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, DataError):
        return None
    return data if header.get("sha256") == _hash(source, data) else None


def _write(path: Path, data: DataSet, source: str) -> None:
    """Writes the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
    whole = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
    try:
        with replacing(path) as new:
            save_file(whole, new, metadata=header)
    except SafetensorError as error:
        raise OSError(None, str(error), str(path)) from error


def _hash(source: str, data: DataSet) -> str:
    text = json.dumps([source, data.classes, data.checksum])
    return hashlib.sha256(text.encode()).hexdigest()
