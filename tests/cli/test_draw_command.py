from __future__ import annotations

import re
from pathlib import Path

import pytest

from archkit.cli.drawn import drawn
from archkit.count import count
from archkit.drawing import draw
from archkit.spec import zoo
from tests.cli.test_missing_packages import TORCH, run_without
from tests.conftest import Cli
from tests.drawing.cairo import needs_cairo


def lines(*networks: str) -> list[str]:
    return [text.plain for text in drawn(draw(*networks).views)]


def test_the_terminal_shows_the_figures_of_the_counter(cli: Cli) -> None:
    done = cli("draw", "resnet10", "mobilenetv2_100")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [line.rstrip() for line in lines("resnet10", "mobilenetv2_100")]
    for name in ("resnet10", "mobilenetv2_100"):
        account = count(name)
        for part in (*account.parts, account):
            assert f"{part.params:,}" in done.stdout
            assert f"{part.macs:,}" in done.stdout


@pytest.mark.parametrize("some", range(4))
def test_no_line_is_as_long_as_80_columns(some: int) -> None:
    names = [entry.name for entry in zoo.entries()][some::4]
    assert max(len(line) for name in names for line in lines(name)) < 80
    assert max(map(len, lines(*names[:6]))) < 80


def test_bars_in_the_terminal_are_to_scale() -> None:
    """resnet10: stage 4 has 74% of the parameters and 18% of the MACs."""
    text = "\n".join(lines("resnet10"))
    bars = {share: len(bar) for share, bar in re.findall(r" (\d+)% (█+)", text)}
    # Whole columns are rounded down.
    full = bars["74"] / 0.74
    assert bars["18"] == pytest.approx(0.18 * full, abs=1)
    assert bars["46"] == pytest.approx(0.46 * full, abs=1)


def test_blocks_and_shortcuts_in_the_terminal() -> None:
    text = "\n".join(line.rstrip() for line in lines("[22,1]x[16,32] shortcut=pad"))
    assert "stage 1, 22 blocks\n┌ ████     3x3, 16" in text
    assert re.search(r"└ {10}\+ identity  x 22", text)
    assert "+ zeros /2" in text
    assert "↓ 32x16x16" in text


@pytest.mark.parametrize("ending", ["svg", *(pytest.param(e, marks=needs_cairo) for e in ("png", "pdf"))])
def test_a_file_is_written(cli: Cli, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"nets.{ending}"
    done = cli("draw", "resnet10", "resnet12", "-o", str(path), "--width", "390")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"written: {path}\n")
    again = tmp_path / f"again.{ending}"
    draw("resnet10", "resnet12", width=390).save(again)
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["resnet10", "-o", "net.gif"], 1, "error: net.gif: a drawing's file ends in .svg, .png or .pdf\n"),
        (["resnet10", "--width", "390"], 2, "--width goes with --output"),
        (["[1]x["], 2, "error: "),
    ],
)
def test_mistakes_are_said(cli: Cli, tmp_path: Path, args: list[str], code: int, said: str) -> None:
    done = cli("draw", *args, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_svg_needs_neither_torch_nor_cairo_and_png_says_what_it_needs(tmp_path: Path) -> None:
    absent = (*TORCH, "cairosvg", "numpy")
    done = run_without(absent, "draw", "resnet10", "-o", "net.svg", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "written: net.svg\n")
    assert run_without(absent, "draw", "resnet10").returncode == 0
    done = run_without(absent, "draw", "resnet10", "-o", "net.png", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("needs cairosvg, which is not installed: pip install cairosvg\n")
    assert [path.name for path in tmp_path.iterdir()] == ["net.svg"]
