"""Figures by tables on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import Cli

SPACE = "[1..3]*2x[{8,16}] order=nondecreasing"


@pytest.fixture
def latency(cli: Cli, tmp_path: Path) -> Path:
    """A table of the space, made from its form: every block costs as many ms as it has channels, over 10."""
    form = tmp_path / "form.csv"
    done = cli("enumerate", SPACE, "--table-template", str(form))
    assert done.returncode == 0, done.stderr
    # Stems, heads and further blocks of two widths, and first blocks of two and three pairs.
    assert done.stdout.startswith("13 blocks written to")
    with form.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    path = tmp_path / "latency.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*list(rows[0])[:-1], "latency_ms"])
        writer.writerows([*list(row.values())[:-1], f"{int(row['channels']) / 10:.1f}"] for row in rows)
    return path


def by_hand(spec: dict[str, object]) -> float:
    """The stem is as wide as the first stage; the head has 10 classes."""
    blocks, channels = (json.loads(part) for part in str(spec["spec"]).split("x"))
    return (channels[0] + sum(n * c for n, c in zip(blocks, channels, strict=True)) + 10) / 10


def test_the_figure_is_in_every_list(cli: Cli, latency: Path, tmp_path: Path) -> None:
    limited = ("--latency", str(latency), "--max-latency", "6ms", "--sort", "least-latency")
    done = cli("enumerate", SPACE, *limited, "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["latency"] for row in rows] == sorted(row["latency"] for row in rows)
    assert all(row["latency"] == pytest.approx(by_hand(row)) for row in rows)
    assert 0 < len(rows) == sum(row["latency"] <= 6 for row in rows)
    every = cli("enumerate", SPACE, "--table", f"latency={latency}", "--json")
    under = [row for line in every.stdout.splitlines() if (row := json.loads(line))["latency"] <= 6]
    assert sorted(row["spec"] for row in under) == sorted(row["spec"] for row in rows)
    for ending in ("csv", "parquet"):
        path = tmp_path / f"list.{ending}"
        for options in (limited[:-2], limited):
            assert cli("enumerate", SPACE, *options, "-o", str(path), "--force").returncode == 0
        if ending == "csv":
            with path.open(newline="", encoding="utf-8") as file:
                written = [float(row["latency"]) for row in csv.DictReader(file)]
        else:
            parquet = pytest.importorskip("pyarrow.parquet")
            written = parquet.ParquetFile(path).read().column("latency").to_pylist()
        assert written == [row["latency"] for row in rows]
    table = cli("enumerate", SPACE, *limited, "--limit", "1").stdout
    assert "latency ms" in table
    counted = cli("enumerate", SPACE, *limited[:-2], "--count", "--json")
    assert json.loads(counted.stdout)["within"] == len(rows)


def test_solve_and_count(cli: Cli, latency: Path) -> None:
    named = ("--table", f"latency={latency}")
    done = cli("solve", SPACE, *named, "--by", "least-latency", "--best", "1", "--json")
    found = json.loads(done.stdout)
    assert (found["spec"], found["value"], found["latency"]) == ("[1,1]x[8,8]", 3.4, 3.4)
    front = cli("solve", SPACE, *named, "--pareto", "latency,+macs", "--json")
    assert json.loads(front.stdout.splitlines()[0])["spec"] == "[1,1]x[8,8]"
    done = cli("solve", SPACE, *named, "--max", "latency=3", "--by", "macs")
    assert done.returncode == 1
    assert "the smallest network of this space has 3.4 ms of latency: [1,1]x[8,8]" in done.stderr
    done = cli("count", "[1,1]x[8,16]", *named, "--json")
    assert json.loads(done.stdout)["latency"] == 4.2
    assert "latency ms" in cli("count", "[1,1]x[8,16]", *named).stdout


def test_headroom(cli: Cli, latency: Path, tmp_path: Path) -> None:
    budget = tmp_path / "budget.toml"
    budget.write_text('[limits]\nmax_latency = "5ms"\n', encoding="utf-8")
    done = cli("count", "[1,1]x[8,16]", "--budget", str(budget), "--latency", str(latency), "--json")
    (left,) = json.loads(done.stdout)["left"]
    assert left == {"figure": "latency", "upper": True, "limit": 5.0, "used": 4.2, "left": 0.8}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--max-latency", "3ms"], "--table latency=FILE"),
        (["--max", "energy=3"], "--table energy=FILE"),
        (["--max", "energy"], "--max is NAME=VALUE, not 'energy'"),
        (["--table", "energy"], "--table is NAME=FILE, not 'energy'"),
        (["--table", "a=x.csv", "--table", "a=y.csv"], "--table has a twice"),
        (["--max", "latency=3", "--max-latency", "3"], "--max-latency and --max latency do not go together"),
        (["--table-template", "x.csv", "--count"], "--count does not go with --table-template"),
        (["--table-template", "x.parquet"], "written as CSV"),
    ],
)
def test_what_is_refused(cli: Cli, options: list[str], says: str, tmp_path: Path) -> None:
    done = cli("enumerate", SPACE, *options, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
