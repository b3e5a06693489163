"""`archkit report` as a user runs it: tables, Markdown, CSV and figures; see also the folder page."""

import csv
import io
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from archkit.bench.recipe import load_recipe, override
from archkit.bench.report import to_markdown
from archkit.count import totals
from archkit.spec import parse
from tests.bench.runs import write_run
from tests.bench.terminal import on_a_terminal
from tests.bench.test_report import ADAM, sections_of
from tests.test_imports import TORCH, run_refusing


def test_markdown(tmp_path):
    write_run(tmp_path, "[1]x[8]", "fast", correct=5000)
    text = to_markdown(sections_of(tmp_path))
    head, rule, row = (line for line in text.splitlines() if line.startswith("|"))
    assert head == "| network | recipe | n | mean | sd | 95% interval | params | MACs | correct |"
    assert len(rule.split("|")) == len(head.split("|")) == len(row.split("|"))
    assert row.startswith(r"| \[1\]x\[8\] | fast | 1 | 50.00 | - | - |")


@pytest.fixture
def suite(tmp_path):
    """Two networks and two recipes, two seeds each, and an unfinished run."""
    root = tmp_path / "runs"
    grid = load_recipe("paper-grid")
    for at, (spec, changes) in enumerate((s, c) for s in ("resnet10", "resnet12") for c in ([], ADAM)):
        for seed in (0, 1):
            write_run(root, spec, override(grid, changes), seed=seed, correct=9000 + 10 * at + seed)
    (write_run(root, seed=9, name="zz.partial") / "result.json").unlink()
    return root


def test_csv_has_a_line_for_each_run(cli, suite):
    done = cli("report", str(suite), "--csv", "-")
    assert done.returncode == 0
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [int(one["test_correct"]) for one in found] == [9000, 9001, 9010, 9011, 9020, 9021, 9030, 9031]
    assert {one["test_total"] for one in found} == {"10000"}
    assert {(one["spec"], int(one["params"])) for one in found} == {
        (str(parse(name)), int(totals(parse(name)).params)) for name in ("resnet10", "resnet12")
    }
    assert [one["paper_percent"] for one in found[::2]] == ["91.46", "89.06", "89.03", "82.98"]


def test_the_command_prints_and_says_what_it_skipped(cli, suite):
    done = cli("report", str(suite))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"skipped: {suite}/zz.partial is unfinished\n"
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "resnet10 paper-grid 2 90.00 0.01 89.94 to 90.07 50.00 4,980,234 328,930,304" in lines
    assert "resnet10 paper-grid 9,000 9,001 91.46 -1.45" in lines


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_figures(cli, suite, tmp_path, kind):
    done = cli("report", str(suite), "--figures", str(tmp_path / "figures"), "--format", kind)
    assert done.returncode == 0, done.stderr
    names = ["accuracy-macs", "accuracy-params", "curves-1", "curves-2", "networks"]
    made = sorted((tmp_path / "figures").iterdir())
    assert [path.name for path in made] == [f"{name}.{kind}" for name in names]
    for path in made:
        if kind == "svg":
            words = ET.parse(path).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314 - written just now
            texts = {"".join(word.itertext()).strip() for word in words}
            axis = "epoch" if "curves" in path.name else "test accuracy, %"
            assert any(text.startswith(axis) for text in texts), texts
        else:
            with Image.open(path) as image:
                assert min(image.size) > 400
                assert len(image.convert("RGB").getcolors(1 << 24)) > 20


def test_markdown_into_a_file(cli, suite, tmp_path):
    done = cli("report", str(suite), "--markdown", str(tmp_path / "x.md"))
    assert (tmp_path / "x.md").read_text().count("| resnet1") == 4
    assert "resnet10" in done.stdout  # the tables are printed still


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["none"], 1, "there is no folder none"),
        (["."], 1, "no finished run in ."),
        (["runs", "--html", "none/x.html"], 1, "cannot write none/x.html"),
        (["runs", "--csv", "none/x.csv"], 1, "cannot write none/x.csv"),
        (["runs", "--figures", "file"], 1, "cannot write file"),
        (["runs", "--csv", "-", "--markdown", "-"], 2, "only one of --markdown and --csv"),
        (["runs", "--figures", "x", "--format", "gif"], 2, "gif"),
        ([], 2, "RUNS"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(cli, tmp_path, args, code, message):
    if "runs" in args:
        write_run(tmp_path / "runs")
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    done = cli("report", *args, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_needs_no_torch(suite, tmp_path):
    page = str(tmp_path / "x.html")
    code = "from archkit.cli import main; main()"
    done = run_refusing((*TORCH, "matplotlib"), code, "report", str(suite), "--html", page)
    assert done.returncode == 0, done.stderr


def test_without_matplotlib_it_says_what_to_install(suite, tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None; from archkit.cli import main;"
        f" sys.argv = ['archkit', 'report', {str(suite)!r}, '--figures', {str(tmp_path / 'f')!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("error: figures need the package matplotlib: pip install matplotlib\n")
    assert not (tmp_path / "f").exists()


def test_a_narrow_terminal_gets_what_fits(suite):
    """80 columns: no line is longer, and no figure is lost."""
    printed, _ = on_a_terminal("report", str(suite), stream="stdout", columns=80)
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "resnet10 paper-grid 2 90.00 0.01 89.94 to 90.07" in text
    assert "resnet10 paper-grid 9,000 9,001 91.46 -1.45" in text
    assert "resnet10 4,980,234 328,930,304" in text


def test_a_run_whose_weights_are_gone_is_shown_and_named(cli, tmp_path):
    root = tmp_path / "runs"
    folders = [write_run(root, seed=seed) for seed in range(3)]
    assert cli("report", str(root)).stderr == ""
    (folders[1] / "weights.safetensors").unlink()
    done = cli("report", str(root))
    end = "; the figures are shown, but nothing can test them again\n"
    assert done.stderr == f"no weights: the run in {folders[1]}{end}"
    assert "9,000 9,000 9,000" in done.stdout
    (folders[2] / "weights.safetensors").write_bytes(b"")
    assert cli("report", str(root)).stderr == f"no weights: 2 of 3 runs, the first in {folders[1]}{end}"
