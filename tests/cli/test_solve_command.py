from __future__ import annotations

import json
from pathlib import Path

import pytest

from archkit.count.memory import memory, peak_values
from archkit.plan import layout
from archkit.spec import parse
from tests.conftest import Cli

ROOT = Path(__file__).parents[2]

SMALL = "[1..3]*3x[{16,32,64}] order=nondecreasing"


def test_the_default(cli: Cli) -> None:
    done = cli("solve", "--space", "paper", "--max-params", "5e6", "--max-macs", "800M", "--best", "3")
    assert done.returncode == 0
    assert done.stdout.split()[:5] == ["spec", "params", "MACs", "depth", "capacity"]
    assert "[4,4,3]x[64,128,256] " in done.stdout.splitlines()[2]
    assert "Exact: of 434 width profiles" in done.stdout


def test_entropy_by_name(cli: Cli) -> None:
    done = cli("solve", "--space", "paper", "--max-params", "5e6", "--best", "3", "--by", "entropy")
    assert "[4,4,4,4,4]x[64,64,128,128,128]" in done.stdout
    assert "Exact: of 434 width profiles" in done.stdout


def test_without_a_limit_on_macs_there_is_a_best_at_several(cli: Cli) -> None:
    paper = ("solve", "--space", "paper", "--max-params", "5M")
    done = cli(*paper)
    rows = [line for line in done.stdout.splitlines() if "[" in line and "Unlike" not in line]
    assert [row.split()[0] for row in rows] == [
        *("50,000,000", "100,000,000", "200,000,000", "400,000,000"),
        *("800,000,000", "1,600,000,000", "3,200,000,000"),
    ]
    assert "[4,4,3]x[64,128,256]" in rows[4]
    assert "max-params, max-macs; blocks of stages 1, 2 at their most" in rows[4]
    assert "Exact: each is proved" in done.stdout
    lines = [json.loads(line) for line in cli(*paper, "--json").stdout.splitlines()]
    assert [line["spec"] for line in lines] == [row.split()[1] for row in rows]
    assert all(line["macs"] <= line["max_macs"] and line["exact"] for line in lines)
    # [2,1,1]x[256,256,256] has most of its parameters where no published network has them.
    assert "Unlike every published network: [2,1,1]x[256,256,256]: share of the first stage" in done.stdout
    assert [line["outside"] == "" for line in lines][4]
    whole = cli("solve", "[1..2]*2x[8..24:8]").stdout
    assert "[2,2]x[24,24]" in whole
    assert "a larger space would give more" in whole


def test_json(cli: Cli) -> None:
    done = cli("solve", SMALL, "--max-params", "100k", "--by", "macs", "--json", "--best", "2")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["value"] for row in rows] == [row["macs"] for row in rows]
    assert all(type(row["value"]) is int for row in rows)
    assert all(row["exact"] is True and row["proof"].startswith("Exact: of ") for row in rows)
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


def test_limits_on_memory(cli: Cli) -> None:
    budget = ("--max-peak-memory", "60k", "--peak-bits", "8", "--max-training-memory", "40M", "--batch", "16")
    done = cli("solve", SMALL, *budget, "--json", "--best", "10")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 10
    for row in rows:
        spec = parse(row["spec"])
        assert row["training_memory"] == memory(spec, batch=16).training <= 40_000_000
        assert row["peak_memory"] == peak_values(layout(spec)) <= 60_000
    text = cli("solve", SMALL, *budget, "--best", "1").stdout
    assert "training bytes   peak bytes" in text
    assert f"{rows[0]['peak_memory']:,}" in text
    least = cli("solve", SMALL, "--by", "least-training-memory", "--best", "1", "--json").stdout
    row = json.loads(least)
    assert row["value"] == row["training_memory"]
    assert row["spec"] == "[1,1,1]x[16,16,16]"


def test_the_front_in_memory(cli: Cli) -> None:
    done = cli("solve", SMALL, "--pareto", "peak-memory,+params", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > 1
    assert [row["peak_memory"] for row in rows] == sorted({row["peak_memory"] for row in rows})
    assert [row["params"] for row in rows] == sorted({row["params"] for row in rows})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["enumerate", "--max-params", "1k"], "the smallest network of this space has 15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--count"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--count", "--json"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--json"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--json", "--sort", "macs"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--json", "--limit", "3"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--sample", "2"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--sample", "2", "--json"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--output", "list.parquet"], "15,226 parameters"),
        (["enumerate", "--max-params", "1k", "--output", "list.csv", "--sort", "macs"], "15,226 parameters"),
        (["solve", "--max-params", "1k"], "15,226 parameters"),
        (["solve", "--max-params", "1k", "--json"], "15,226 parameters"),
        (["solve", "--max-params", "1k", "--output", "list.csv"], "15,226 parameters"),
        (["solve", "--max-params", "1k", "--pareto", "params,+macs"], "15,226 parameters"),
        (["solve", "--by", "entropy", "--max-rho", "0.0001"], "keeps to max-rho"),
    ],
)
def test_where_nothing_fits(cli: Cli, tmp_path: Path, args: list[str], words: str) -> None:
    """[1,1,1]x[16,16,16]: a stem of 3*9*16, six convs of 9*16*16, no shortcut conv where widths are equal but
    strides of 2 need two of 16*16, nine norms of 2*16, a head of 16*10 + 10."""
    assert 3 * 9 * 16 + 6 * 9 * 16 * 16 + 2 * 16 * 16 + 9 * 2 * 16 + 170 == 15_226
    done = cli(args[0], SMALL, *args[1:], cwd=tmp_path)
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    assert first.startswith("error: nothing fits: ")
    assert words in first
    if "--count" in args:
        assert ('"within": 0' if "--json" in args else "0 within the budget") in done.stdout
    elif "--json" in args or "--output" in args or args[0] == "solve":
        assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_space_in_a_file(cli: Cli, tmp_path: Path) -> None:
    table = (
        '[space]\nblocks = "[1..3]*3"\nchannels = "[{16,32,64}]"\norder = "nondecreasing"\n'
        'block = ["basic", "bottleneck"]\nkernel = [3, 5]\nbias = false\n'
    )
    (tmp_path / "table.toml").write_text(table)
    (tmp_path / "text.toml").write_text(f'space = "{SMALL}"\n')
    sizes = [
        json.loads(cli("enumerate", name, "--count", "--json", cwd=tmp_path).stdout)["size"]
        for name in ("table.toml", "text.toml")
    ]
    # 27 choices of depths, 10 of widths.
    assert sizes == [4 * 270, 270]


def test_headroom(cli: Cli) -> None:
    done = cli("count", "[2,1,1,1]x[64,128,256,512]", "--budget", "budgets/cifar10-5m.toml", cwd=ROOT)
    assert "max params     5,000,000     4,977,226        22,774" in done.stdout
    assert "max macs     800,000,000   328,930,304   471,069,696" in done.stdout
    assert "none of which fits" in done.stdout
    assert "one more block in stage 1" in done.stdout
    assert "+73,984" in done.stdout
    row = json.loads(
        cli(
            "count", "[2,1,1]x[16,32,64]", "--budget", "budgets/microcontroller.toml", "--json", cwd=ROOT
        ).stdout
    )
    assert [one["left"] for one in row["left"]] == [
        256_000 - 82_714,
        42_000_000 - 17_220_224,
        61_440 - 3 * 16 * 32 * 32,
    ]
    assert row["best"] == "[2,2,1]x[16,32,64]"
    broken = cli("count", "[4,4,4]x[64,64,64]", "--budget", "budgets/microcontroller.toml", cwd=ROOT)
    assert broken.returncode == 0
    assert "It does not fit: 642,762 parameters too many" in broken.stdout


def test_trillions_by_size(cli: Cli) -> None:
    """The largest of more networks than can be listed, and how many there are."""
    done = cli("enumerate", "[1..]*4x[8..512:8] order=nondecreasing", "--max-params", "5M", "--limit", "2")
    assert "26,108,878,089,825 within the budget" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.endswith(tuple("0123456789"))]
    assert [row[1] for row in rows if row[0].startswith("[")] == ["4,999,994", "4,999,994"]


def test_why_nothing_fits_under_several_limits(cli: Cli) -> None:
    done = cli("solve", SMALL, "--max-params", "20k", "--min-depth", "12")
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("error: nothing fits: max-params ")
    assert second.startswith("min-depth ")
    # Each line names a limit that lets its network in.
    most = first.split()[4].replace(",", "")
    assert cli("solve", SMALL, "--max-params", most, "--min-depth", "12").returncode == 0
    assert cli("solve", SMALL, "--max-params", str(int(most) - 1), "--min-depth", "12").returncode == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["solve", "--by", "colour"], "unknown objective"),
        (["solve", "--by", "macs", "--max-rho", "0.2"], "--max-rho goes with"),
        (["solve", "--by", "entropy", "--max-rho", "-1"], "max-rho must be above 0"),
        (["solve", "--pareto", "colour"], "unknown figure"),
        (["solve", "--best", "0"], "--best"),
        (["solve", "--budget", "none.toml"], "cannot be read"),
        (["enumerate", "--sort", "colour"], "--sort must be"),
        (["enumerate", "--sample", "0"], "--sample"),
        (["enumerate", "[{}]x[3]"], "the list is empty"),
        (["enumerate", "[4..1]x[3]"], "falls from 4 to 1"),
        (["enumerate", "none.toml"], "cannot be read"),
        (["enumerate", "bad.toml"], "unknown key 'colour'"),
        (["enumerate", "--budget", "bad.toml"], "unknown key 'colour'"),
        (["enumerate", "limit.toml"], "holds no space"),
        (["enumerate", "--budget", "limit.toml"], "unknown limit 'max_colour'"),
        (["count", "resnet10", "--budget", "bad.toml"], "unknown key 'colour'"),
        (["solve", "--max-macs", "-1"], "max-macs: '-1' is not a figure"),
        (["solve", "--max-macs", "nan"], "max-macs: 'nan' is not a figure"),
        (["solve", "--max-macs", "1M", "--min-macs", "2M"], "nothing can fit"),
        (["solve", "--max-peak-memory", "much"], "max-peak-memory"),
        (["solve", "--peak-bits", "0"], "peak-bits must be 1 to 64"),
        (["solve", "--batch", "0"], "batch must be 1 to"),
        (["solve", "--optimizer", "lion"], "optimizer must be one of none"),
        (["solve", "--weight-bits", "8"], "weight-bits needs"),
        (["solve", "[1..]*2x[8]"], "no upper end"),
    ],
)
def test_mistakes(cli: Cli, tmp_path: Path, args: list[str], words: str) -> None:
    (tmp_path / "bad.toml").write_text("colour = 3")
    (tmp_path / "limit.toml").write_text("[limits]\nmax_colour = 3")
    done = cli(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[0]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (("--values", "int8"), "--values goes with a limit on bytes of arena or bytes of flash"),
        (("--max-arena", "64q"), "max-arena: '64q' is not a figure"),
        (("--max-flash", "1k"), "nothing fits: the smallest network of this space has"),
        (("--max-arena", "64k", "--values", "int4"), "values must be one of float32, int8, int16x8"),
    ],
)
def test_limits_of_a_device_that_cannot_be_are_one_line(cli, given_, said):
    done = cli("solve", "[1..2]*2x[8..24:8] block={basic,depthwise} input=1x32x32", *given_, "--best", "1")
    assert done.returncode != 0
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
