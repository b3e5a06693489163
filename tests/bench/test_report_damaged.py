"""Results that cannot be true: the report names their folders, says why, and goes on with the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.runs import write_run
from tests.conftest import Cli


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "result.json"
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


FAULTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda r: r["test"].update(correct=0, total=0), "test is of 0 images"),
    (lambda r: r["test"].update(correct=1000, total=100), "test has 1000 of 100 images right"),
    (lambda r: r["test"].update(correct=-1), "test has -1 of 10000 images right"),
    (lambda r: r["test"].update(total=9999), "test is of 9999 images, and its data have 10000"),
    (lambda r: r["test"].update(loss=float("nan")), "test.loss must be finite"),
    (lambda r: r.update(params=-5), "params is -5"),
    (lambda r: r.update(macs=10**400), "macs must be a number below 2**64 in size, not 1000"),
    (lambda r: r.update(epoch=10**6), "epoch 1000000 of"),
    (lambda r: r.update(train_seconds=10**400), "train_seconds must be a number below 2**64 in size"),
    (lambda r: r["data"].update(input=[3, 32]), "a size of its data is wrong"),
    (lambda r: r["data"].update(input=[3, 32, 10**9]), "its data are not images for a network"),
    (lambda r: r["data"].update(classes=[]), "its data are not images for a network"),
    (lambda r: r.update(spec="\ud800"), "spec holds what cannot be printed: '\\ud800'"),
    (lambda r: r["data"].update(name="\x1b[2J"), "data.name holds what cannot be printed: '\\x1b[2J'"),
    (lambda r: r["recipe"].update(name="a\nb"), "recipe.name holds what cannot be printed: 'a\\nb'"),
    (lambda r: r["environment"].update(device="\u202e"), "environment.device holds what"),
    (lambda r: r["environment"].update(gpu_shared_by=0), "environment.gpu_shared_by is 0"),
]


def test_results_that_cannot_be_true_are_skipped(cli: Cli, tmp_path: Path) -> None:
    write_run(tmp_path, "[1]x[8]", correct=5000)
    bad = [write_run(tmp_path, "[1]x[16]", correct=6000, seed=i, name=f"z{i:02}") for i in range(len(FAULTS))]
    for folder, (change, _) in zip(bad, FAULTS, strict=True):
        edit(folder, change)
    done = cli("report", str(tmp_path), "--html", str(tmp_path / "r.html"))
    assert done.returncode == 0, done.stderr
    *skipped, written = done.stderr.splitlines()
    for folder, (_, why), line in zip(bad, FAULTS, skipped, strict=True):
        assert line.startswith(f"skipped: {folder}")
        assert why in line
    assert written == f"written: {tmp_path / 'r.html'}"
    assert "50.00" in done.stdout
    assert "60.00" not in done.stdout


TABLES = [
    ("train_loss", "nan", "epochs.csv is not the table of a run's epochs"),
    ("train_total", "0", "epoch 1 of its table has"),
    ("train_correct", "-3", "epoch 1 of its table has -3 of"),
    ("epoch", "7", "epoch 1 of its table is epoch 7"),
]


def test_tables_of_epochs_that_cannot_be_true_are_skipped(cli: Cli, tmp_path: Path) -> None:
    write_run(tmp_path, "[1]x[8]")
    bad = [write_run(tmp_path, "[1]x[16]", seed=i, name=f"z{i}") for i in range(len(TABLES))]
    for folder, (column, value, _) in zip(bad, TABLES, strict=True):
        head, first, *others = (folder / "epochs.csv").read_text().splitlines()
        cells = first.split(",")
        cells[head.split(",").index(column)] = value
        (folder / "epochs.csv").write_text("\n".join([head, ",".join(cells), *others]) + "\n")
    done = cli("report", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for folder, (*_, why), line in zip(bad, TABLES, done.stderr.splitlines(), strict=True):
        assert line.startswith(f"skipped: {folder}")
        assert why in line


def test_brackets_without_end_and_a_folder_with_any_name(cli: Cli, tmp_path: Path) -> None:
    write_run(tmp_path, "[1]x[8]")
    bad = write_run(tmp_path, "[1]x[16]", name="z\x1b[2J\nz")
    (bad / "result.json").write_text("[" * 50_000)
    done = cli("report", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "z\\x1b[2J\\nz/result.json is not the result of a run" in done.stderr
