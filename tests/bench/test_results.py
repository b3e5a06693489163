"""What is recorded of where a run ran."""

from __future__ import annotations

import json

from archkit.bench.report import find_runs, group_runs
from archkit.bench.report.rows import RUN_COLUMNS, run_rows
from archkit.bench.train.results import read_result
from tests.bench.runs import write_run


def shared_by(folder, n):
    table = json.loads((folder / "result.json").read_text())
    table["environment"]["gpu_shared_by"] = n
    if n is None:
        del table["environment"]["gpu_shared_by"]  # as older versions wrote it
    (folder / "result.json").write_text(json.dumps(table))
    return read_result(folder).environment


def test_runs_that_shared_a_gpu_are_marked(tmp_path):
    one, other, old = (
        shared_by(write_run(tmp_path, "[1]x[8]", "demo", seed=seed, correct=90 + seed), n)
        for seed, n in enumerate((1, 3, None))
    )
    assert other.device_text == f"{one.device_text}, shared by up to 3 runs"
    assert old.gpu_shared_by is None
    assert old.device_text == one.device_text
    at = RUN_COLUMNS.index("gpu_shared_by")
    assert [row[at] for row in run_rows(group_runs(find_runs([tmp_path])[0]))] == [1, 3, None]
