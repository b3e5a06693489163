from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.conftest import Cli

SMALL = "[1..2]*2x[{8,16}]"


def test_the_default(cli: Cli) -> None:
    assert "[1..9]*3..4x[16..320:16] order=nondecreasing, 59,220,315 networks" in cli("enumerate").stdout


def test_a_space_by_name(cli: Cli) -> None:
    done = cli("enumerate", "--space", "paper", "--max-params", "5e6")
    assert done.returncode == 0
    first, *rest = done.stdout.splitlines()
    assert "293,888 networks" in first
    assert "118,848 within" in first
    rows = [line.split() for line in rest if line.startswith("[")]
    assert len(rows) == 20
    params = [int(row[1].replace(",", "")) for row in rows]
    assert params == sorted(params, reverse=True)
    assert params[0] <= 5_000_000


@pytest.mark.parametrize("budget", ["5e6", "5M", "5_000_000"])
def test_one_budget_three_ways(cli: Cli, budget: str) -> None:
    done = cli("enumerate", "--space", "paper", "--max-params", budget, "--limit", "3")
    assert "118,848 within" in done.stdout
    assert sum(line.startswith("[") for line in done.stdout.splitlines()) == 3


def test_json_is_every_network(cli: Cli) -> None:
    rows = [json.loads(line) for line in cli("enumerate", SMALL, "--json").stdout.splitlines()]
    assert len(rows) == 16
    assert set(rows[0]) == {"spec", "params", "macs", "activations", "depth"}
    best = [
        json.loads(line) for line in cli("enumerate", SMALL, "--json", "--limit", "2").stdout.splitlines()
    ]
    assert [row["params"] for row in best] == sorted((row["params"] for row in rows), reverse=True)[:2]


def test_the_order_can_be_chosen(cli: Cli) -> None:
    def rows(*args: str) -> list[dict[str, int]]:
        return [json.loads(line) for line in cli("enumerate", SMALL, "--json", *args).stdout.splitlines()]

    every = rows()
    for name in ("params", "macs", "activations", "depth"):
        for least in (False, True):
            order = rows("--sort", f"least-{name}" if least else name)
            assert [row[name] for row in order] == sorted((row[name] for row in every), reverse=not least)
            assert {row["spec"] for row in order} == {row["spec"] for row in every}
    (least_params,) = rows("--sort", "least-params", "--limit", "1")
    # Three maps of 8 x 32 x 32 floats are alive at once: what enters a block, and two inside it.
    peak = {"peak_memory": 3 * 8 * 32 * 32 * 4}
    assert rows("--sort", "least-peak-memory", "--limit", "1") == [{**least_params, **peak}]
    table = cli("enumerate", SMALL, "--sort", "least-macs", "--limit", "1").stdout
    assert "The smallest; --limit" in table


def test_files(cli: Cli, tmp_path: Path) -> None:
    listed = [json.loads(line) for line in cli("enumerate", SMALL, "--json").stdout.splitlines()]
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert cli("enumerate", SMALL, "--output", str(tmp_path / name)).returncode == 0
    with (tmp_path / "a.csv").open(newline="") as file:
        as_csv = list(csv.DictReader(file))
    assert [{**row, **{k: int(v) for k, v in row.items() if k != "spec"}} for row in as_csv] == listed
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == listed
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == listed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.jsonl", "a.parquet"]


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["--max-params", "-1"], "max-params", 2),
        (["--max-params", "many"], "not a figure", 2),
        (["--max-params", "1M", "--min-params", "2M"], "nothing can fit", 2),
        (["[{}]x[3]"], "the list is empty", 2),
        (["[4..1]x[3]"], "falls from 4 to 1", 2),
        (["[1..]x[8]"], "no upper end", 2),
        (["--output", "list.txt"], "the ending must be", 1),
        (["--output", "no/such/folder/list.csv"], "is not a folder", 1),
        (["--output", "folder/list.csv"], "cannot be written", 1),
        (["--limit", "-1"], "--limit", 2),
        (["--sort", "entropy"], "--sort must be", 2),
        (["--space", "papper"], "unknown space 'papper'; did you mean paper?", 2),
        (["[1]x[8]", "--space", "paper"], "--space does not go with a space", 2),
    ],
)
def test_mistakes(cli: Cli, tmp_path: Path, args: list[str], words: str, code: int) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK) and "folder/list.csv" in args:
        pytest.skip("this user may write everywhere")
    done = cli("enumerate", *args, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr.splitlines()[0]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_reader_that_stops_early_ends_it_quietly() -> None:
    code = "from archkit.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "enumerate", "--json", "[1..10000]*8x[1..512]"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait(60)


def test_one_network_is_one(cli: Cli) -> None:
    assert (
        cli("enumerate", "[1]x[8]").stdout.splitlines()[0]
        == "Space: [1]x[8], 1 network; 1 within the budget."
    )


def test_none_is_shown_if_none_is_asked_for(cli: Cli) -> None:
    said = cli("enumerate", "[1..2]x[8]", "--limit", "0").stdout.splitlines()
    assert said == [
        "Space: [1..2]x[8], 2 networks; 2 within the budget.",
        "",
        "--limit, --json or --output FILE give them.",
    ]
