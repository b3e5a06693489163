"""What the tutorials' commands print, and the notebooks give, is what stands in them."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from archkit.bench.data import shapes
from archkit.bench.data.cache import decoded_once
from tests import processes
from tests.website.conftest import ROOT

import examples  # isort: skip - of docs/website
import notebooks  # isort: skip

FOLLOWING = [ROOT / "docs" / "start.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
NOTEBOOKS = sorted(notebooks.FOLDER.glob("*.ipynb"))
# What CIFAR-10's files call its classes.
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture(autouse=True)
def quickly_started(monkeypatch):
    """The pages' commands do not import torch each anew."""
    monkeypatch.setitem(examples.PROGRAMS, "archkit", processes.program())


@pytest.mark.parametrize("page", FOLLOWING, ids=lambda page: page.stem)
def test_the_commands_of_a_page_one_after_another(page, tmp_path):
    found = list(examples.examples(page.read_text(encoding="utf-8")))
    assert len(found) >= 5
    # Between a file and a command there must be words, or the command would stand in the file.
    assert not any("\n$ " in example.command for example in found)
    for example in found:
        printed = examples.run(example.command, tmp_path).stdout
        assert example.fits(printed), f"{page.name}: {example.command}\n{printed}"


def test_commands_and_what_they_print_are_told_apart():
    typed = "    $ cat > a <<'E'\n    > b\n    >\n    > c\n    > E\n    $ cat a\n"
    page = f"x\n\n{typed}    b\n\n    c\n\ny\n\n    z\n"
    first, second = examples.examples(page)
    assert (first.command, first.shown) == ("cat > a <<'E'\nb\n\nc\nE", "")
    assert (second.command, second.shown, second.varies) == ("cat a", "b\n\nc", False)
    assert page[slice(*second.span)] == "    b\n\n    c\n\n"


def test_a_file_that_a_page_shows_is_written(tmp_path):
    file = "<!-- file: a.py -->\n\n    if True:\n\n        print('a  b')\n"
    page = f"x\n\n{file}\ny\n\n    $ python a.py\n    a  b\n"
    first, second = examples.examples(page)
    assert first.fits(examples.run(first.command, tmp_path).stdout)
    assert (tmp_path / "a.py").read_text() == "if True:\n\n    print('a  b')\n"
    assert second.fits(examples.run(second.command, tmp_path).stdout)


def test_only_figures_may_vary():
    page = "x\n\n<!-- figures vary -->\n\n    $ a\n    mean 91.25  12 s\n    b     ─────\n"
    (example,) = examples.examples(page)
    assert example.varies
    assert example.fits("b   ──────\nmean 9.5   1 min 3 s\n")
    assert not example.fits("b   ──────\nmedian 9.5   12 s\n")
    (exact,) = examples.examples(page.replace("<!-- figures vary -->\n\n", ""))
    assert exact.fits("mean 91.25  12 s\nb     ─────\n")
    assert not exact.fits("mean 91.26  12 s\nb     ─────\n")


def test_a_page_is_written_anew(tmp_path):
    page = tmp_path / "start.md"
    page.write_text("x\n\n    $ echo one\n    two\n\ny\n", encoding="utf-8")
    assert examples.written(page) == "x\n\n    $ echo one\n    one\n\ny\n"


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """Drawn images of 3x32x32 in the cache as CIFAR-10's lie there once they are downloaded."""
    images = [shapes.draw(count, 0, stream=stream) for stream, count in enumerate((400, 200))]
    images = [(pixels, np.asarray(labels, np.int64)) for pixels, labels in images]
    path = tmp_path / "cache" / "decoded" / "cifar10.safetensors"
    decoded_once(path, "cifar10", "cifar10", lambda: (CIFAR10, *images))
    monkeypatch.setenv("ARCHKIT_CACHE", str(tmp_path / "cache"))


def plain(cell) -> list[str]:
    """What a cell gave, as text; a drawing or a table by its HTML."""
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            texts.append(output.text)
        else:
            data = output.data
            texts.append(data.get("text/html") or data.get("image/svg+xml") or data["text/plain"])
    return texts


@pytest.fixture
def archkit_on_path(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "archkit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {processes.program()} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.usefixtures("archkit_on_path", "cifar10")
def test_notebooks_run_and_give_what_stands_in_them(path: Path, tmp_path, monkeypatch):
    """The one about CIFAR-10 runs on images that lie in the cache as CIFAR-10's do."""
    monkeypatch.setenv("ARCHKIT_DATA", "cifar10")
    monkeypatch.setenv("ARCHKIT_REHEARSAL", "1")
    folder = tmp_path / "work"
    folder.mkdir()
    kept, done = notebooks.read(path), notebooks.run(path, folder)
    compared = 0
    for before, now in zip(kept.cells, done.cells, strict=True):
        if before.cell_type != "code":
            continue
        if "figures-vary" in before.metadata.get("tags", ()):
            assert len(before.outputs) > 0
            assert bool(now.outputs), before.source
            assert "error:" not in "".join(plain(now))
        else:
            assert plain(now) == plain(before), before.source
            compared += bool(before.outputs)
    assert compared >= 3
    if path.stem == "cifar10-5m":
        results = [json.loads(one.read_text()) for one in folder.glob("runs/*/result.json")]
        assert len(results) == 4
        assert {one["data"]["name"] for one in results} == {"cifar10"}


def test_there_are_three_notebooks_and_they_keep_no_times():
    assert [path.stem for path in NOTEBOOKS] == ["cifar10-5m", "own-images", "two-papers"]
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert "iopub" not in text
        assert not re.search(r"/(?:home|root|tmp|work)/", text)
        assert notebooks.page(path).startswith("# ")
    assert shutil.which("bash")
