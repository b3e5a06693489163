from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Cli

SMALL = "[1..3]*3x[{16,32,64}] order=nondecreasing"


def test_the_default(cli: Cli) -> None:
    done = cli("solve", "--max-params", "5e6", "--best", "3")
    assert done.returncode == 0
    assert "[4,4,4,4,4]x[64,64,128,128,128]" in done.stdout
    assert "Exact: of 434 plans of widths" in done.stdout


def test_json(cli: Cli) -> None:
    done = cli("solve", SMALL, "--max-params", "100k", "--by", "macs", "--json", "--best", "2")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["value"] for row in rows] == [row["macs"] for row in rows]
    assert rows[0]["macs"] >= rows[1]["macs"]
    front = cli("solve", SMALL, "--max-params", "100k", "--pareto", "params,+macs", "--json")
    assert {"spec", "params", "macs"} < set(json.loads(front.stdout.splitlines()[0]))


def test_a_count_as_json(cli: Cli) -> None:
    done = cli(
        "enumerate", "[1..]*3x[64..512:64] order=nondecreasing", "--max-params", "5M", "--count", "--json"
    )
    assert json.loads(done.stdout) == {
        "space": "[1..]*3x[64..512:64] order=nondecreasing",
        "size": None,
        "within": 79_305,
    }


def test_a_sample(cli: Cli) -> None:
    args = ("enumerate", SMALL, "--max-params", "100k", "--sample", "5", "--seed", "3", "--json")
    first = cli(*args).stdout
    assert len(first.splitlines()) == 5
    assert cli(*args).stdout == first


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["solve", "--max-params", "1k"], "the smallest network of this space has 15,226 parameters"),
        (["solve", "--by", "colour"], "unknown objective"),
        (["solve", "--by", "macs", "--max-rho", "0.2"], "--max-rho goes with"),
        (["solve", "--max-rho", "-1"], "max-rho must be above 0"),
        (["solve", "--pareto", "colour"], "unknown figure"),
        (["solve", "--best", "0"], "--best"),
        (["solve", "--budget", "none.toml"], "cannot be read"),
        (["enumerate", "--sort", "colour"], "--sort is"),
        (["enumerate", "--sample", "0"], "--sample"),
        (["enumerate", "--max-params", "1k", "--sample", "2"], "no network of the space fits"),
    ],
)
def test_mistakes(cli: Cli, tmp_path: Path, args: list[str], words: str) -> None:
    done = cli(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[0]
    assert done.stdout == ""
