from __future__ import annotations

import pytest

from tests.cli.test_missing_packages import run_without
from tests.conftest import Cli
from tests.test_imports import TORCH, run_refusing

SPACE = "[1..3]*2x[{8,16,32}]"


def test_it_writes_a_page_and_says_how_many_fit(cli: Cli, tmp_path) -> None:
    pytest.importorskip("vl_convert")
    path = tmp_path / "space.html"
    done = cli("explore", SPACE, "--max-params", "20k", "--sample", "30", "-o", str(path), "--title", "Mine")
    assert done.returncode == 0, done.stderr
    fit = len(cli("enumerate", SPACE, "--max-params", "20k", "--json").stdout.splitlines())
    assert done.stderr.splitlines()[-1].endswith(f"; {fit} fit")
    assert done.stdout == ""
    assert "<title>Mine</title>" in path.read_text(encoding="utf-8")
    again = cli("explore", SPACE, "--max-params", "20k", "-o", str(path))
    assert again.returncode == 1
    assert again.stderr == f"error: {path} is there already; --force replaces it\n"


@pytest.mark.parametrize(
    ("args", "says", "code"),
    [
        ([SPACE, "--max-params", "9"], "error: no network of the space fits the budget", 1),
        ([SPACE, "--max-params", "20k", "--by", "size"], "error: unknown objective 'size'", 2),
        ([SPACE, "--max-params", "20k", "--pareto", "size"], "error: unknown figure 'size'", 2),
        ([SPACE, "--max-params", "20k", "--runs", "nowhere"], "error: there is no folder nowhere", 1),
        (["[1..]*2x[{8,16}]"], "error: ", 2),
    ],
)
def test_mistakes_are_one_line(cli: Cli, tmp_path, args, says, code) -> None:
    path = tmp_path / "space.html"
    done = cli("explore", *args, "-o", str(path), cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) <= 4
    assert not path.exists()


def test_it_never_imports_torch(tmp_path) -> None:
    pytest.importorskip("vl_convert")
    args = ["explore", SPACE, "--max-params", "20k", "--sample", "5", "-o", str(tmp_path / "a.html")]
    done = run_refusing(TORCH, "from archkit.cli import main; main()", *args)
    assert done.returncode == 0, done.stderr


def test_without_vega_it_says_what_to_install(tmp_path) -> None:
    args = ["explore", SPACE, "--max-params", "20k", "--sample", "5", "-o", str(tmp_path / "a.html")]
    done = run_without(("vl_convert",), *args)
    assert done.returncode == 1
    assert "pip install vl-convert-python" in done.stderr
