"""`load_runs`: the finished runs in some folders as a data frame."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from archkit.bench.report.folders import find_runs
from archkit.bench.report.groups import group_runs
from archkit.bench.report.rows import RUN_COLUMNS, run_rows
from archkit.errors import DataError
from archkit.frames import Library, to_frame

__all__ = ["load_runs"]


def load_runs(*folders: Path | str, library: Library = "pandas") -> Any:
    """The finished runs in some folders, and in the folders inside them, as a data frame: a row for each run.

    The columns are those of the CSV of `archkit report`, and `accuracy`, the share of test images that are
    right, from 0 to 1.

    Args:
        folders: of runs, or runs themselves; `runs` if none is given.
        library: `pandas`, `polars`, or `arrow`.

    Raises:
        DataError: a path is not a folder, or there is no finished run.
        OutputError: the library is not installed.

    Warns:
        UserWarning: a run is left out, because it is unfinished or damaged; it says which and why.
    """
    found, skipped = find_runs(Path(folder) for folder in folders or ("runs",))
    for reason in skipped:
        warnings.warn(f"left out: {reason}", UserWarning, stacklevel=2)
    if not found:
        raise DataError(f"there is no finished run in {', '.join(map(str, folders or ('runs',)))}")
    rows = []
    for values in run_rows(group_runs(found)):
        row = dict(zip(RUN_COLUMNS, values, strict=True))
        rows.append({**row, "accuracy": row["test_correct"] / row["test_total"]})
    return to_frame(rows, library)
