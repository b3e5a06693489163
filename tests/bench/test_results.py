"""What is recorded of where a run ran."""

from __future__ import annotations

import json

from archkit.bench.report import find_runs, group_runs
from archkit.bench.report.rows import RUN_COLUMNS, run_rows
from archkit.bench.train.results import read_result
from tests.bench.runs import write_run


def test_seconds_of_runs_at_once_are_marked_as_such(tmp_path):
    alone = write_run(tmp_path, "[1]x[8]", "demo", seed=0, correct=90)
    shared = write_run(tmp_path, "[1]x[8]", "demo", seed=1, correct=91)
    text = (shared / "result.json").read_text()
    assert text.count('"at_once": 1') == 1
    (shared / "result.json").write_text(text.replace('"at_once": 1', '"at_once": 3'))
    one, other = read_result(alone).environment, read_result(shared).environment
    assert other.where == f"{one.where}, up to 3 runs at once"
    at = RUN_COLUMNS.index("at_once")
    assert [row[at] for row in run_rows(group_runs(find_runs([tmp_path])[0]))] == [1, 3]


def test_an_older_record_is_of_one_run_at_a_time(tmp_path):
    run = write_run(tmp_path, "[1]x[8]", "demo", correct=90)
    table = json.loads((run / "result.json").read_text())
    del table["environment"]["at_once"]
    (run / "result.json").write_text(json.dumps(table))
    assert read_result(run).environment.at_once == 1
