"""Lists of networks as files: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

from archkit.budget.listing import Candidate
from archkit.errors import OutputError

__all__ = ["FORMATS", "check_output", "write_candidates"]

_BATCH: Final = 50_000  # rows of a Parquet row group


def check_output(path: Path) -> None:
    """Whether a list can be written to `path`, before the work is done.

    Raises:
        OutputError: the ending is unknown, or the folder is missing or cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: the ending must be {', '.join(FORMATS)}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent} cannot be written")


def write_candidates(rows: Iterable[Candidate], path: Path) -> int:
    """Writes the rows in the format of the file's ending, and returns how many.

    The file appears when it is whole: it is written beside its place under another name, and an
    error or an interruption leaves nothing.

    Raises:
        OutputError: as `check_output`, or the disk refuses.
    """
    check_output(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        unfinished = Path(name)
        try:
            written = FORMATS[path.suffix.lower()](rows, unfinished)
            # mkstemp makes it private; the list is as public as the folder's other files.
            umask = os.umask(0)
            os.umask(umask)
            unfinished.chmod(0o666 & ~umask)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
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
            file.write(json.dumps(row._asdict()) + "\n")
    return written


def _parquet(rows: Iterable[Candidate], path: Path) -> int:
    import pyarrow as pa  # 0.2 s that only this format needs
    from pyarrow import parquet

    schema = pa.schema([("spec", pa.string()), *((name, pa.int64()) for name in Candidate._fields[1:])])
    written = 0
    source = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(source, _BATCH)):
            columns = zip(*batch, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            written += len(batch)
    return written


FORMATS: Final[dict[str, Callable[[Iterable[Candidate], Path], int]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
"""File endings and their writers."""
