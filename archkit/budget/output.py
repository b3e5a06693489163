"""Lists of networks as files: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from archkit.budget.listing import Candidate, Chunk
from archkit.budget.rows import Row, rows_of_chunks
from archkit.budget.sorting import rows_of_batches
from archkit.budget.stage_tables import METRICS, Ints
from archkit.errors import OutputError
from archkit.files import LIST_ENDINGS, is_folder, is_there, replacing

__all__ = [
    "FORMATS",
    "Columns",
    "check_output",
    "figures",
    "write_batches",
    "write_candidates",
    "write_chunks",
    "write_rows",
]

_BATCH: Final = 50_000  # rows of a Parquet row group

Columns: TypeAlias = Mapping[str, type]
"""The columns of a list: what each is called, and whether it holds `str`, `int`, `float` or `bool`."""


def figures(names: Iterable[str], with_decimals: Iterable[str] = ()) -> dict[str, type]:
    """The columns of a list that holds specs and figures, of which some have decimals."""
    floats = set(with_decimals)
    return {name: str if name == "spec" else float if name in floats else int for name in names}


def check_output(path: Path, *, force: bool = True) -> None:
    """Check that a list can be written to `path` before the work is done.

    Raises:
        OutputError: the ending is unknown, the folder is missing or cannot be written, or there is a file
            and `force` is False.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: the ending must be one of {', '.join(FORMATS)}")
    if is_folder(path):
        raise OutputError(f"{path} is a folder")
    if is_there(path) and not force:
        raise OutputError(f"{path} is there already; --force replaces it")
    try:
        folder = path.parent if not path.is_symlink() else Path(os.path.realpath(path)).parent
    except OSError as error:  # its name is too long
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    if not folder.is_dir():
        raise OutputError(f"{folder} is not a folder")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} cannot be written")


def write_chunks(
    chunks: Iterable[Chunk],
    path: Path,
    *,
    extra: tuple[str, ...] = (),
    with_decimals: tuple[str, ...] = (),
) -> int:
    """Write networks that come in arrays, as `write_candidates` does; Parquet takes the arrays as they are.

    `extra` names figures that are written besides what every network costs; the tables hold them. Those of
    `with_decimals` among them are no whole numbers.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    names = figures((*Candidate._fields, *extra), with_decimals)
    if path.suffix.lower() == ".parquet":
        return _written(path, lambda unfinished: _parquet(_arrays(chunks, extra), names, unfinished))
    return write_rows(rows_of_chunks(chunks, extra), names, path)


def write_batches(batches: Iterable[tuple[Any, ...]], columns: Columns, path: Path) -> int:
    """Write networks that come in batches of columns (`archkit.budget.sorting`) in the same way.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    if path.suffix.lower() == ".parquet":
        return _written(path, lambda unfinished: _parquet(batches, columns, unfinished))
    return write_rows(rows_of_batches(batches), columns, path)


def write_candidates(rows: Iterable[Candidate], path: Path) -> int:
    """Write networks in the format that the file's ending names, and return how many there were.

    The file appears only once it is whole: it is written next to its place under another name, and an error
    or an interruption leaves nothing behind.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    return write_rows(rows, figures(Candidate._fields), path)


def write_rows(rows: Iterable[Row], columns: Columns, path: Path) -> int:
    """Write rows with other columns in the same way.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    return _written(path, lambda unfinished: FORMATS[path.suffix.lower()](rows, columns, unfinished))


def _written(path: Path, write: Callable[[Path], int]) -> int:
    check_output(path)
    try:
        with replacing(path) as unfinished:
            written = write(unfinished)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    return written


def _csv(rows: Iterable[Row], columns: Columns, path: Path) -> int:
    written = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for written, row in enumerate(rows, 1):  # noqa: B007 - the count is wanted after the loop
            writer.writerow(row)
    return written


def _jsonl(rows: Iterable[Row], columns: Columns, path: Path) -> int:
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for written, row in enumerate(rows, 1):  # noqa: B007 - the count is wanted after the loop
            file.write(json.dumps(dict(zip(columns, row, strict=True)), allow_nan=False) + "\n")
    return written


def _arrays(chunks: Iterable[Chunk], extra: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """The networks in batches of columns. A chunk may be far larger than a batch, or far smaller."""
    specs: list[str] = []
    costs: list[Ints] = []
    decimals: list[int] = []
    for chunk in chunks:
        rows = [*range(len(METRICS)), *map(chunk.tables.figures.index, extra)]
        decimals = [chunk.tables.decimals.get(name, 0) for name in (*METRICS, *extra)]
        for low in range(0, len(chunk), _BATCH):
            at = np.arange(low, min(low + _BATCH, len(chunk)))
            specs += chunk.specs(at)
            costs.append(chunk.costs[np.ix_(rows, at)])
            if len(specs) >= _BATCH:
                yield specs, *_columns(costs, decimals)
                specs, costs = [], []
    if specs:
        yield specs, *_columns(costs, decimals)


def _columns(costs: list[Ints], decimals: list[int]) -> list[Any]:
    """A column for each figure; numbers with decimals where a table gives it."""
    together = np.concatenate(costs, axis=1)
    return [one / 10**n if n else one for one, n in zip(together, decimals, strict=True)]


def _batches(rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield tuple(zip(*batch, strict=True))


def _parquet(batches: Iterable[tuple[Any, ...]], columns: Columns, path: Path) -> int:
    import pyarrow as pa  # takes 0.2 s, and only this format needs it
    from pyarrow import parquet

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    written = 0
    # No two specs are alike: a dictionary of them would cost time and space.
    with parquet.ParquetWriter(
        path, schema, use_dictionary=[name for name in columns if name != "spec"]
    ) as file:
        for batch in batches:
            arrays = [_column(one, kind) for one, kind in zip(batch, columns.values(), strict=True)]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written += len(batch[0])
    return written


def _column(values: Any, kind: type) -> Any:
    """A column of pyarrow, from buffers: pyarrow's own way imports pandas if that is installed."""
    import pyarrow as pa

    if kind is str:
        ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
        text = [None, pa.py_buffer(ends), pa.py_buffer("".join(values).encode("ascii"))]
        return pa.Array.from_buffers(pa.string(), len(values), text)
    if kind is bool:
        bits = np.packbits(np.asarray(values, dtype=bool), bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])
    held = np.ascontiguousarray(values, dtype=np.int64 if kind is int else np.float64)
    arrow = pa.int64() if kind is int else pa.float64()
    return pa.Array.from_buffers(arrow, len(held), [None, pa.py_buffer(held)])


def _parquet_of_rows(rows: Iterable[Row], columns: Columns, path: Path) -> int:
    return _parquet(_batches(rows), columns, path)


FORMATS: Final[dict[str, Callable[[Iterable[Row], Columns, Path], int]]] = dict(
    zip(LIST_ENDINGS, (_csv, _jsonl, _parquet_of_rows), strict=True)
)
"""The writer for each file ending."""
