"""Lists of networks as files: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from archkit.budget.listing import Candidate, Chunk
from archkit.budget.stage_tables import METRICS, Ints
from archkit.errors import OutputError
from archkit.files import LIST_ENDINGS, replacing

__all__ = ["FORMATS", "check_output", "write_candidates", "write_chunks"]

_BATCH: Final = 50_000  # rows of a Parquet row group


def check_output(path: Path) -> None:
    """Check that a list can be written to `path` before the work is done.

    Raises:
        OutputError: the ending is unknown, or the folder is missing or cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: the ending must be one of {', '.join(FORMATS)}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent} cannot be written")


def write_chunks(chunks: Iterable[Chunk], path: Path) -> int:
    """Write networks that come in arrays, as `write_candidates` does; Parquet takes the arrays as they are.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    if path.suffix.lower() == ".parquet":
        return _written(path, lambda unfinished: _parquet(_columns(chunks), unfinished))
    return write_candidates((row for chunk in chunks for row in chunk.candidates()), path)


def write_candidates(rows: Iterable[Candidate], path: Path) -> int:
    """Write networks in the format that the file's ending names, and return how many there were.

    The file appears only once it is whole: it is written next to its place under another name, and an error
    or an interruption leaves nothing behind.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    return _written(path, lambda unfinished: FORMATS[path.suffix.lower()](rows, unfinished))


def _written(path: Path, write: Callable[[Path], int]) -> int:
    check_output(path)
    try:
        with replacing(path) as unfinished:
            written = write(unfinished)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    return written


def _csv(rows: Iterable[Candidate], path: Path) -> int:
    written = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Candidate._fields)
        for written, row in enumerate(rows, 1):  # noqa: B007 - the count is wanted after the loop
            writer.writerow(row)
    return written


def _jsonl(rows: Iterable[Candidate], path: Path) -> int:
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for written, row in enumerate(rows, 1):  # noqa: B007 - the count is wanted after the loop
            file.write(json.dumps(row._asdict(), allow_nan=False) + "\n")
    return written


_Columns: TypeAlias = tuple[list[str], *tuple[Any, ...]]  # specs, then an array of each figure


def _columns(chunks: Iterable[Chunk]) -> Iterator[_Columns]:
    """The networks in batches of columns. A chunk may be far larger than a batch, or far smaller."""
    specs: list[str] = []
    costs: list[Ints] = []
    for chunk in chunks:
        for low in range(0, len(chunk), _BATCH):
            at = np.arange(low, min(low + _BATCH, len(chunk)))
            specs += chunk.specs(at)
            costs.append(chunk.costs[: len(METRICS), at])
            if len(specs) >= _BATCH:
                yield specs, *np.concatenate(costs, axis=1)
                specs, costs = [], []
    if specs:
        yield specs, *np.concatenate(costs, axis=1)


def _columns_of_rows(rows: Iterable[Candidate]) -> Iterator[_Columns]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        specs, *figures = zip(*batch, strict=True)
        yield list(specs), *figures


def _parquet(batches: Iterable[_Columns], path: Path) -> int:
    import pyarrow as pa  # takes 0.2 s, and only this format needs it
    from pyarrow import parquet

    schema = pa.schema([("spec", pa.string()), *((name, pa.int64()) for name in Candidate._fields[1:])])
    written = 0
    # No two specs are alike: a dictionary of them would cost time and space.
    with parquet.ParquetWriter(path, schema, use_dictionary=list(Candidate._fields[1:])) as writer:
        for columns in batches:
            specs, figures = columns[0], [np.ascontiguousarray(one, dtype=np.int64) for one in columns[1:]]
            # From buffers, since pyarrow's own way imports pandas if that is installed.
            ends = np.cumsum([0, *map(len, specs)], dtype=np.int32)
            text = [None, pa.py_buffer(ends), pa.py_buffer("".join(specs).encode("ascii"))]
            arrays = [pa.Array.from_buffers(pa.string(), len(specs), text)]
            arrays += [
                pa.Array.from_buffers(pa.int64(), len(specs), [None, pa.py_buffer(one)]) for one in figures
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written += len(specs)
    return written


def _parquet_of_rows(rows: Iterable[Candidate], path: Path) -> int:
    return _parquet(_columns_of_rows(rows), path)


FORMATS: Final[dict[str, Callable[[Iterable[Candidate], Path], int]]] = dict(
    zip(LIST_ENDINGS, (_csv, _jsonl, _parquet_of_rows), strict=True)
)
"""The writer for each file ending."""
