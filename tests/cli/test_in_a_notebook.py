"""What a cell of a notebook shows of a command that takes its time, under a real kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
ROOT = Path(__file__).parents[2]


def outputs(*cells: str) -> list[list]:
    """What each cell puts out; commands find this checkout and this Python."""
    set_up = f"import os, sys; os.environ['PYTHONPATH'] = {str(ROOT)!r}; sys.path.insert(0, {str(ROOT)!r})"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in (set_up, *cells)])
    nbclient.NotebookClient(book, timeout=240, kernel_name="python3").execute()
    return [cell.outputs for cell in book.cells[1:]]


def test_commands_draw_nothing_that_a_notebook_cannot_show(tmp_path):
    command = f"!{sys.executable} -m archkit"
    small = "--data shapes --recipe demo --epochs 1 --train-size 200 --test-size 100"
    bench, solve = outputs(
        f'{command} bench "[1]x[8]" {small} --out {tmp_path / "run"}',
        f"{command} solve --budget cifar10-5m --max-macs 400M --best 200 --extrapolate --json > /dev/null",
    )
    shown = "".join(one.text for one in bench)
    assert "epoch 1/1  loss" in shown
    assert "test accuracy" in shown
    for text in (shown, "".join(one.text for one in solve)):
        assert "\x1b[1A" not in text  # up a line, which a notebook does not know
        assert "\x1b[2K" not in text


def test_functions_show_a_bar_while_they_work():
    watched = (
        "import archkit, archkit.api.shown as shown\n"
        "shown._EVERY = 0\n"
        "seen, put = [], shown._Bar._put\n"
        "shown._Bar._put = lambda self, text: (seen.append(text), put(self, text))\n"
    )
    small = "recipe='demo', epochs=1, train_size=200, test_size=100, root=tempfile.mkdtemp()"
    bench, solve = outputs(
        watched + f"import tempfile; run = archkit.bench('[1]x[8]', 'shapes', {small})\n"
        "print(seen[0], seen[-1] == '', sep='; ')\nrun",
        "seen.clear(); best = archkit.solve(max_params='1M', n=1)\nprint(seen[0], seen[-1] == '', sep='; ')",
    )
    (said,) = (one.text for one in bench if one.output_type == "stream" and "<progress" in one.text)
    assert said.startswith('<progress value="1" max="')
    assert "epoch 1 of 1; steps: 1 of " in said
    assert said.endswith("; True\n")  # and it is taken away
    (result,) = (one for one in bench if one.output_type == "execute_result")
    assert "test accuracy" in result.data["text/html"]
    bars = [one for one in bench if one.output_type == "display_data"]
    assert [one.data["text/html"] for one in bars] == [""]
    (said,) = (one.text for one in solve if one.output_type == "stream")
    assert "width profiles ruled out or searched" in said
