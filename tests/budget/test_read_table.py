"""Tables as files: what is read, what is refused, and what every cell means."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from archkit.budget import Budget, Objective, blocks_of_space, headroom, read_budget, read_table, solve
from archkit.budget.block_table import MOST
from archkit.errors import BudgetError
from archkit.spec import parse, parse_space

HEAD = "part,block,channels_in,channels,stride,rows,columns,cost\n"
# [1..2]x[8]: a stem, a first block, a further block and a head.
ROWS = (
    "stem,conv3,3,8,,32,32,0.5\n"
    "first,basic,8,8,1,32,32,1.25\n"
    "further,basic,8,8,1,32,32,1.5\n"
    "head,,8,10,,32,32,0\n"
)


def test_sums_by_hand(tmp_path: Path) -> None:
    found = read_table(_written(tmp_path, HEAD + ROWS), name="latency")
    assert found.decimals == 2
    assert found.of(parse("[1]x[8]")) == 175
    assert found.of(parse("[3]x[8]")) == 475
    assert found.amount(475) == Decimal("4.75")
    assert str(found.amount(400)) == "4"
    budget = Budget.read({"max_latency": "3.255", "min_latency": "1.7"}, tables=[found])
    assert budget.limit("latency") == (170, 325)
    best = solve(parse_space("[1..]x[8]"), budget, Objective.read("latency", tables=budget.names))
    assert [(row.network.spec, row.value) for row in best.networks] == [("[2]x[8]", 3.25), ("[1]x[8]", 1.75)]


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_left_out_and_stars_make_no_difference(tmp_path: Path) -> None:
    text = "part,rows,cost\nstem,*,1\nfirst,32,2\nfirst,16,3\nfurther,*,5\nhead,*,7\n"
    found = read_table(_written(tmp_path, text), name="latency")
    # 1 + (2 + 5) + (2 + 2 * 5) + 7, whatever the widths: the second stage is entered at 32 rows.
    for spec in ("[2,3]x[8,8]", "[2,3]x[64,96] block=bottleneck"):
        assert found.of(parse(spec)) == 27
    # An option that has no column is at its default.
    with pytest.raises(BudgetError, match="no cost for a first basic block kernel=5"):
        found.of(parse("[1]x[8] kernel=5"))


def test_options_have_columns(tmp_path: Path) -> None:
    text = "part,block,kernel,attn,cost\nstem,*,,,1\nfirst,basic,3,none,2\nfirst,basic,5,se,4\nhead,,,,0\n"
    found = read_table(_written(tmp_path, text), name="latency")
    assert found.of(parse("[1]x[8]")) == 3
    assert found.of(parse("[1]x[8] kernel=5 attn=se")) == 5
    with pytest.raises(BudgetError, match="kernel=5"):
        found.of(parse("[1]x[8] kernel=5"))


def test_a_stage_may_count(tmp_path: Path) -> None:
    text = "part,stage,score\nstem,,0\nfirst,1,1\nfirst,2,10\nfurther,1,100\nfurther,2,1000\nhead,0,0\n"
    found = read_table(_written(tmp_path, text), name="score")
    assert found.of(parse("[3,2]x[8,8]")) == 1 + 2 * 100 + 10 + 1000


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = [line.split(",") for line in ROWS.splitlines()]
    columns = dict(zip(HEAD.strip().split(","), zip(*lines, strict=True), strict=True))
    whole = ("channels_in", "channels", "rows", "columns")
    arrays = {name: [int(cell) for cell in cells] for name, cells in columns.items() if name in whole}
    arrays["stride"] = [float(cell) if cell else None for cell in columns["stride"]]
    arrays["cost"] = [float(cell) for cell in columns["cost"]]
    arrays |= {name: list(columns[name]) for name in ("part", "block")}
    parquet.write_table(pa.table(arrays), tmp_path / "table.parquet")
    found = read_table(tmp_path / "table.parquet", name="latency")
    assert found.of(parse("[3]x[8]")) == 475


@pytest.mark.parametrize(
    ("header", "unit"),
    [("latency_ms", "ms"), ("cost_us", "us"), ("ms", "ms"), ("latency", None), ("whatever", None)],
)
def test_the_column_of_the_costs(tmp_path: Path, header: str, unit: str | None) -> None:
    text = HEAD.replace("cost", header) + ROWS
    assert read_table(_written(tmp_path, text), name="latency").unit == unit


def test_a_limit_has_its_unit(tmp_path: Path) -> None:
    found = read_table(_written(tmp_path, HEAD.replace("cost", "latency_ms") + ROWS), name="latency")
    for text in ("3ms", "3 ms", "0.003s", "3000us", "3", "3_000_000ns"):
        assert Budget.read({"max_latency": text}, tables=[found]).limit("latency").high == 300
    assert Budget.read({"max_latency": 3}, tables=[found]).limit("latency").high == 300


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (HEAD, "has no rows"),
        (HEAD + ROWS + "first,basic,8,8,1,32,32,2\n", "row 6 is about the same block as row 3"),
        (HEAD + "stem,conv3,3,8,,32,32,fast\n", "row 2: cost must be a number, not 'fast'"),
        (HEAD + "stem,conv3,3,8,,32,32,nan\n", "row 2: cost must be a number, not 'nan'"),
        (HEAD + "stem,conv3,3,8,,32,32,-1\n", "row 2: cost is -1; .* 0 is the least"),
        (HEAD + "stem,conv3,3,8,,32,32,1e-13\n", "12 decimals at most: round it"),
        (HEAD + "stem,conv3,3,8,,32,32,1e13\n", "sums are exact up to"),
        (HEAD + "trunk,conv3,3,8,,32,32,1\n", "row 2: unknown part 'trunk'"),
        (HEAD + "stem,conv3,3,eight,,32,32,1\n", "row 2: channels must be a whole number, not 'eight'"),
        (HEAD + "stem,conv3,3,8\n", "row 2 has 4 cells, and there are 8 columns"),
        ("part,a,b\nstem,1,2\n", "which of a, b is the cost"),
        ("part,block\nstem,conv3\n", "no column holds the cost"),
        ("part,part,cost\nstem,stem,1\n", "two columns called part"),
        ("block,kernel,cost\n*,3,1\n", "kernel=3 needs a part and a kind of block"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BudgetError, match=says):
        read_table(_written(tmp_path, text), name="latency")


def test_files_and_names_that_are_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, HEAD + ROWS)
    with pytest.raises(BudgetError, match="cannot be read: No such file"):
        read_table(tmp_path / "none.csv", name="latency")
    with pytest.raises(BudgetError, match=r"must be one of \.csv, \.parquet"):
        read_table(tmp_path / "table.xls", name="latency")
    (tmp_path / "no.parquet").write_text("no", encoding="utf-8")
    with pytest.raises(BudgetError, match="is no Parquet file"):
        read_table(tmp_path / "no.parquet", name="latency")
    for name in ("params", "peak-memory", "capacity", "spec"):
        with pytest.raises(BudgetError, match=f"{name} is taken"):
            read_table(path, name=name)
    with pytest.raises(BudgetError, match="no name for a figure"):
        read_table(path, name="La tency")
    one = read_table(path, name="latency")
    with pytest.raises(BudgetError, match="two tables are called latency"):
        Budget.read({}, tables=[one, one])
    with pytest.raises(BudgetError, match="--table energy=FILE"):
        Budget.read({"max_energy": 1}, tables=[one])
    with pytest.raises(BudgetError, match="call its column latency_ms"):
        Budget.read({"max_latency": "3ms"}, tables=[one])
    with pytest.raises(BudgetError, match=r"min-latency 3\.5 is above max-latency 2"):
        Budget.read({"max_latency": "2", "min_latency": "3.5"}, tables=[one])


def test_missing_blocks_are_counted(tmp_path: Path) -> None:
    found = read_table(_written(tmp_path, HEAD + ROWS), name="latency")
    budget = Budget.read({"max_latency": 9}, tables=[found])
    says = "no cost for the stem conv3, 3 to 16 channels, map 32x32, and for 3 more blocks of"
    with pytest.raises(BudgetError, match=says):
        solve(parse_space("[1..2]x[{8,16}]"), budget)
    # Neither further blocks nor what no order of widths allows need a cost.
    assert len(blocks_of_space(parse_space("[1]*2x[{8,16}] order=increasing"))) == 4


def test_rows_that_say_the_same_in_two_ways(tmp_path: Path) -> None:
    found = read_table(_written(tmp_path, HEAD + ROWS + "stem,*,3,8,,32,32,9\n"), name="latency")
    with pytest.raises(BudgetError, match="rows 2 and 6 both give a cost for the stem conv3"):
        found.of(parse("[1]x[8]"))


def test_sums_beyond_what_is_exact(tmp_path: Path) -> None:
    text = HEAD + ROWS.replace("1.5\n", f"{MOST // 1_000_000}.0125\n")
    found = read_table(_written(tmp_path, text), name="latency")
    with pytest.raises(BudgetError, match=r"round the costs to [0-9] decimals"):
        solve(parse_space("[1..1000]x[8]"), Budget.read({"min_latency": 1}, tables=[found]))


def test_a_budget_file_names_its_tables(tmp_path: Path) -> None:
    _written(tmp_path, HEAD + ROWS)
    file = tmp_path / "budget.toml"
    file.write_text('[tables]\nlatency = "table.csv"\n[limits]\nmax_latency = 3.3\n', encoding="utf-8")
    budget = read_budget(file).budget
    assert budget.limit("latency").high == 330
    found = headroom("[2]x[8]", budget)
    assert [str(one) for one in found.left] == ["0.05 latency left"]
    # 8 more channels lead to blocks that the table does not know.
    assert [change.text for change in found.changes] == ["one more block in stage 1"]
    assert not found.changes[0].fits
