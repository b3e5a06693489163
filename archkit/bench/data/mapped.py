"""`mapped_once`: a folder of images too large for memory, decoded once into files that are mapped into it.

`mapped_test_once` does so with the test images alone.

The files are in a folder of the cache, with a list of them, `shards.json`, which has the SHA-256 of each.
They are compared whenever the folder is opened. If one was cut off or altered, or the images have changed,
all are made again, in a new folder: another process may have the old ones mapped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from archkit.bench.data.dataset import DataSet, Part
from archkit.bench.data.folder import Planned
from archkit.bench.data.making import making
from archkit.bench.data.shards import Shards
from archkit.errors import DataError
from archkit.files import write_text
from archkit.toml_values import from_json

__all__ = ["map_above", "mapped_once", "mapped_test_once", "opened", "opened_test"]

_FORMAT: Final = "1"
_LIST: Final = "shards.json"
_BYTES: Final = 2**28  # of a file, about
_TRAIN, _TEST = "train", "test"
_SHARE: Final = 4  # images are mapped where they take more than one in so many bytes of the memory
_LIMIT: Final = "ARCHKIT_MAP_ABOVE"


def map_above() -> int:
    """The bytes above which decoded images are mapped: $ARCHKIT_MAP_ABOVE, or a quarter of the memory.

    Raises:
        DataError: the variable is no number.
    """
    if (own := os.environ.get(_LIMIT)) is not None:
        if not own.isdecimal():
            raise DataError(f"{_LIMIT} is a number of bytes, not {own!r}")
        return int(own)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _SHARE
    except (AttributeError, ValueError, OSError):  # Windows does not say
        return 2**32


def opened(folder: Path, name: str, source: str) -> DataSet | None:
    """The data set in a folder of the cache; None if it is not there, is damaged, or is of other images."""
    found = _opened(folder, source, (_TRAIN, _TEST))
    if found is None:
        return None
    try:
        return DataSet.of(name, *found)
    except DataError:
        return None


def opened_test(folder: Path, source: str) -> tuple[tuple[str, ...], Part] | None:
    """The same for the test images, whether others are there or not: the names of the classes, and they."""
    found = _opened(folder, source, (_TEST,))
    return None if found is None else (found[0], found[1])


def _opened(folder: Path, source: str, parts: Sequence[str]) -> Any:
    """The names of the classes, and the parts; files of others are not looked at."""
    try:
        table = from_json((folder / _LIST).read_text(encoding="utf-8"))
        if table["format"] != _FORMAT or table["source"] != source:
            return None
        for file, expected in table["sha256"].items():
            if Path(file).name != file:
                return None
            if file.partition("-")[0] in parts and _sha256(folder / file) != expected:
                return None
        return tuple(table["classes"]), *(_part(folder, part, table) for part in parts)
    # Whatever is wrong with the list or a file, the images are decoded again.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DataError):
        return None


def mapped_once(folder: Path, name: str, source: str, planned: Planned) -> DataSet:
    """Decodes the images of a data set into a folder of the cache, and opens it.

    Args:
        folder: it is replaced, unless another process has filled it meanwhile with these very images.
        name: the name of the data set.
        source: any text that is different for different images.
        planned: which images, and what becomes of them.

    Raises:
        DataError: the folder cannot be written, or an image cannot be read.
    """
    names, train, test = _mapped(folder, source, planned, (_TRAIN, _TEST))
    return DataSet.of(name, names, train, test)


def mapped_test_once(folder: Path, source: str, planned: Planned) -> tuple[tuple[str, ...], Part]:
    """The same for test images alone: the names of the classes, and they."""
    names, test = _mapped(folder, source, planned, (_TEST,))
    return names, test


def _mapped(folder: Path, source: str, planned: Planned, parts: Sequence[str]) -> Any:
    try:
        with making(folder) as new:
            # Another process may have decoded them while this one waited, and has them mapped by now.
            if (found := _opened(folder, source, parts)) is not None:
                return found
            new.mkdir()
            table = _decode_into(new, source, planned, parts)
    except OSError as error:
        raise DataError(f"cannot write the decoded images to {folder}: {error.strerror or error}") from error
    return planned.names, *(_part(folder, part, table) for part in parts)


def _decode_into(folder: Path, source: str, planned: Planned, parts: Sequence[str]) -> dict[str, Any]:
    """Writes the files of the parts, and the list of them, which is returned."""
    H, W, C = planned.image
    each = max(1, _BYTES // (H * W * C))
    for part in parts:
        paths, labels = planned.part(part)
        np.save(folder / f"{part}-labels.npy", labels)
        for start in range(0, len(paths), each):
            file = folder / _name(part, start // each)
            some = paths[start : start + each]
            shard = np.lib.format.open_memmap(file, "w+", np.uint8, (len(some), H, W, C))
            planned.decode_into(some, _writer(shard))
            shard.flush()
    table: dict[str, Any] = {
        "format": _FORMAT,
        "source": source,
        "classes": planned.names,
        "image": [H, W, C],
        "each": each,
        "images": {part: len(planned.part(part)[0]) for part in parts},
        "sha256": {path.name: _sha256(path) for path in sorted(folder.iterdir())},
    }
    write_text(folder / _LIST, json.dumps(table, indent=1) + "\n")
    return table


def _writer(shard: NDArray[np.uint8]) -> Callable[[int, NDArray[np.uint8]], None]:
    def write(at: int, pixels: NDArray[np.uint8]) -> None:
        shard[at] = pixels.transpose(1, 2, 0)

    return write


def _part(folder: Path, part: str, table: dict[str, Any]) -> Part:
    each, image, count = int(table["each"]), table["image"], int(table["images"][part])
    files = tuple(folder / _name(part, number) for number in range(-(-count // each)))
    rows = np.arange(count, dtype=np.int64)
    shards = Shards(files=files, each=each, rows=rows, image=(image[0], image[1], image[2]))
    labels = np.load(folder / f"{part}-labels.npy", allow_pickle=False)
    # A `Part` is of arrays; `Shards` does what is asked of them.
    return cast("NDArray[np.uint8]", shards), labels


def _name(part: str, number: int) -> str:
    return f"{part}-{number:05}.npy"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
