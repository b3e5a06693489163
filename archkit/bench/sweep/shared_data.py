"""A data set in files that several processes map into their memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from archkit.bench.data.dataset import DataSet
from archkit.errors import OutputError
from archkit.files import replacing

__all__ = ["SharedData", "mapped", "shared"]

SharedData: TypeAlias = dict[str, Any]
"""The fields of a `DataSet`, with the path of a file in place of each array."""


def shared(data: DataSet, folder: Path) -> SharedData:
    """Writes a data set's arrays to files; `mapped` is the inverse.

    A file that is there already is replaced and not written into: other processes may have it mapped.

    Raises:
        OutputError: they cannot be written.
    """
    fields: SharedData = {}
    try:
        for field in dataclasses.fields(data):
            value = getattr(data, field.name)
            if isinstance(value, np.ndarray):
                path = fields[field.name] = folder / f"{field.name}.npy"
                with replacing(path) as new, new.open("wb") as file:
                    np.save(file, value)
            else:
                fields[field.name] = value
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    return fields


def mapped(fields: SharedData) -> DataSet:
    """The data set, with arrays that all processes share."""

    def value(of: Any) -> Any:
        return np.load(of, mmap_mode="r") if isinstance(of, Path) else of

    return DataSet(**{name: value(of) for name, of in fields.items()})
