"""What a list of networks holds, and the files that it is written to."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from archkit.count import count
from archkit.count.memory import memory, peak_values
from archkit.plan import layout
from archkit.spec import parse
from tests.conftest import Cli

COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()"]
SMALL = "[1..2]*2x[{8,16}]"
ENDLESS = "[1..100]*6x[8..256:8] order=nondecreasing"
MEMORY = ("--max-peak-memory", "48KiB", "--peak-bits", "8", "--max-training-memory", "3MB", "--batch", "4")


def test_the_figures_that_are_limited_are_in_every_list(cli: Cli, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in cli("enumerate", SMALL, *MEMORY, "--json").stdout.splitlines()]
    assert 1 < len(rows) < 16
    for row in rows:
        spec = parse(row["spec"])
        assert row["peak_memory"] == peak_values(layout(spec)) <= 48 * 1024
        assert row["training_memory"] == memory(spec, batch=4).training <= 3_000_000
        assert row["activations"] == count(spec).activations
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert cli("enumerate", SMALL, *MEMORY, "--output", name, cwd=tmp_path).returncode == 0
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == rows
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [{k: str(v) for k, v in row.items()} for row in rows] == list(csv.DictReader(file))
    table = cli("enumerate", SMALL, *MEMORY, "--limit", "1").stdout
    assert "training bytes   peak bytes" in table
    drawn = cli("enumerate", SMALL, *MEMORY, "--sample", "2", "--json").stdout.splitlines()
    assert all(json.loads(line) in rows for line in drawn)


@pytest.mark.parametrize("by", ["activations", "least-activations", "peak-memory", "least-training-memory"])
def test_the_figure_that_is_sorted_by_is_in_the_list(cli: Cli, tmp_path: Path, by: str) -> None:
    name = by.removeprefix("least-").replace("-", "_")
    args = ("enumerate", SMALL, "--sort", by)
    rows = [json.loads(line) for line in cli(*args, "--json").stdout.splitlines()]
    figures = [row[name] for row in rows]
    assert figures == sorted(figures, reverse=not by.startswith("least"))
    assert len(rows) == 16
    assert cli(*args, "--output", "a.parquet", cwd=tmp_path).returncode == 0
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows
    first = next(line for line in cli(*args).stdout.splitlines() if line.startswith("["))
    assert f"{figures[0]:,}" in first.split()


@pytest.mark.parametrize(
    "args",
    [
        ["enumerate", "--count", "--output", "a.csv"],
        ["enumerate", "--count", "--sample", "3"],
        ["enumerate", "--sample", "3", "--sort", "macs"],
        ["enumerate", "--json", "--output", "a.csv"],
        ["enumerate", "--seed", "3"],
        ["enumerate", "--batch", "3"],
        ["enumerate", "--peak-bits", "8"],
        ["enumerate", "--force"],
        ["solve", "--pareto", "params,+macs", "--by", "macs"],
        ["solve", "--pareto", "params,+macs", "--best", "3"],
        ["solve", "--json", "--output", "a.csv"],
        ["solve", "--batch", "3"],
        ["solve", "--force"],
    ],
)
def test_what_does_not_go_together_is_refused(cli: Cli, tmp_path: Path, args: list[str]) -> None:
    done = cli(args[0], SMALL, *args[1:], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert any(option in done.stderr for option in args if option.startswith("--"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args",
    [
        ["enumerate", SMALL],
        ["enumerate", SMALL, "--sort", "macs"],
        ["enumerate", SMALL, "--sample", "2"],
        ["solve", SMALL],
        ["solve", SMALL, "--pareto", "params,+macs"],
    ],
)
def test_a_file_is_replaced_with_force_alone(cli: Cli, tmp_path: Path, args: list[str]) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "mine.csv").write_text("mine")
    link = tmp_path / "a.csv"
    link.symlink_to("kept/mine.csv")
    done = cli(*args, "--output", "a.csv", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: a.csv is there already; --force replaces it\n"
    assert (kept / "mine.csv").read_text() == "mine"
    assert cli(*args, "--output", "a.csv", "--force", cwd=tmp_path).returncode == 0
    assert link.is_symlink()
    assert (kept / "mine.csv").read_text().startswith("spec,params,macs,activations,depth")
    assert [path.name for path in kept.iterdir()] == ["mine.csv"]


def test_the_best_in_a_file(cli: Cli, tmp_path: Path) -> None:
    args = ("solve", SMALL, "--by", "entropy", "--best", "3")
    rows = [json.loads(line) for line in cli(*args, "--json").stdout.splitlines()]
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        done = cli(*args, "--output", name, cwd=tmp_path)
        said = done.stdout.splitlines()
        assert said[0] == f"3 networks written to {name}"
        assert said[1] == rows[0]["proof"]
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == rows
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["spec"] for row in csv.DictReader(file)] == [row["spec"] for row in rows]


@pytest.mark.parametrize(("number", "word"), [(signal.SIGTERM, "terminated"), (signal.SIGHUP, "hung up")])
def test_a_signal_leaves_nothing_half_written(tmp_path: Path, number: signal.Signals, word: str) -> None:
    with subprocess.Popen(
        [*COMMAND, "enumerate", ENDLESS, "--output", "list.csv"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        for _ in range(600):
            if names := [path.name for path in tmp_path.iterdir()]:
                break
            time.sleep(0.1)
        process.send_signal(number)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()  # or it would be waited for without end
    assert all(name.startswith(".list.csv.") for name in names)
    assert (process.returncode, said) == (128 + number, f"{word}; list.csv was not written\n")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """As `nohup` ignores SIGHUP."""
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "import archkit.cli.zoo as zoo\n"
        "shown = zoo.show\n"
        "zoo.show = lambda *what: (signal.raise_signal(signal.SIGHUP), shown(*what))\n"
        "from archkit.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "zoo"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
