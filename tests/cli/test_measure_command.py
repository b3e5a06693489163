"""`archkit measure` as a user runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import Cli

SPACE = "[1..2]*2x[8] input=3x8x8"


def test_from_a_space_to_networks_within_a_time(cli: Cli, tmp_path: Path) -> None:
    table = tmp_path / "latency.csv"
    done = cli("measure", SPACE, "-o", str(table), "--batch", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 blocks written to")
    record = json.loads((tmp_path / "latency.json").read_text(encoding="utf-8"))
    assert (record["on"], record["batch"], record["threads"], record["blocks"]) == ("torch-cpu", 2, 1, 6)
    assert {"device", "load", "torch", "archkit", "median_spread"} <= record.keys()
    with table.open(newline="", encoding="utf-8") as file:
        costs = [float(row["latency_ms"]) for row in csv.DictReader(file)]
    counted = cli("count", "[2,2]x[8,8] input=3x8x8", "--latency", str(table), "--json")
    # This network has each of the six blocks once.
    assert json.loads(counted.stdout)["latency"] == pytest.approx(sum(costs), rel=1e-9)
    done = cli("solve", SPACE, "--latency", str(table), "--by", "least-latency", "--best", "1", "--json")
    assert json.loads(done.stdout)["spec"] == "[1,1]x[8,8] input=3x8x8"
    done = cli("measure", SPACE, "--check", str(table), "--networks", "3", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["networks"]) == 3
    assert all(row["whole_ms"] > 0 for row in found["networks"])
    assert 0 <= found["within_10_percent"] <= 1
    assert cli("measure", SPACE, "-o", str(table)).returncode == 1
    (tmp_path / "latency.json").unlink()
    done = cli("measure", SPACE, "--check", str(table))
    assert "which says how" in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "give --output TABLE to measure, or --check TABLE"),
        (["-o", "x.csv", "--on", "toaster"], "unknown place 'toaster'"),
        (["-o", "x.parquet"], "written as CSV"),
        (["-o", "none/x.csv"], "into a folder that is there"),
        (["-o", "x.csv", "--networks", "3"], "--networks goes with --check"),
        (["--check", "x.csv", "--on", "torch-cpu"], "--on does not go with --check"),
        (["--check", "x.csv"], "x.csv cannot be read"),
    ],
)
def test_what_is_refused(cli: Cli, options: list[str], says: str, tmp_path: Path) -> None:
    done = cli("measure", SPACE, *options, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
