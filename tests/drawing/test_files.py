"""A drawing as SVG, PNG or PDF, and what is said where that cannot be."""

from __future__ import annotations

import io
import re
import sys
import zlib

import pytest
from PIL import Image

from archkit.drawing import draw
from archkit.drawing.canvas import COLOURS
from archkit.drawing.files import ENDINGS
from archkit.errors import OutputError
from tests.drawing.cairo import needs_cairo

DRAWING = draw("[2,1]x[8,16]", "[1]x[8]")


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


@pytest.mark.parametrize("ending", [".svg", *(pytest.param(e, marks=needs_cairo) for e in ENDINGS[1:])])
def test_the_same_bytes_twice(tmp_path, ending):
    one, other = tmp_path / f"one{ending}", tmp_path / f"other{ending.upper()}"
    DRAWING.save(one)
    DRAWING.save(str(other))
    assert one.read_bytes() == other.read_bytes()
    DRAWING.save(one)  # one that is there is replaced
    assert {path.name for path in tmp_path.iterdir()} == {one.name, other.name}


@needs_cairo
def test_png_is_light_and_twice_as_large(tmp_path):
    path = tmp_path / "net.png"
    DRAWING.save(path)
    picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    wide = float(re.search(r'width="([\d.]+)"', DRAWING.svg)[1])
    assert picture.width == pytest.approx(2 * wide, abs=1)
    shown = {colour for _, colour in picture.getcolors(picture.width * picture.height)}
    for name in ("back", "panel", "params", "macs", "memory", "layer", "short"):
        assert rgb(COLOURS[name][0]) in shown, name
    for name in ("params", "macs", "memory", "short"):  # a grey may come of mixing
        assert rgb(COLOURS[name][1]) not in shown, name


@needs_cairo
def test_pdf_is_one_page_as_large_as_the_drawing_with_its_text(tmp_path):
    path = tmp_path / "net.pdf"
    DRAWING.save(path)
    made = path.read_bytes()
    assert made.startswith(b"%PDF-")
    assert b"/CreationDate (D:19700101000000" in made
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL)
    text = made + b"".join(zlib.decompressobj().decompress(one) for one in streams if one[:1] == b"x")
    wide = float(re.search(r'width="([\d.]+)"', DRAWING.svg)[1])
    ((page_width,),) = (re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+)", text),)
    assert float(page_width) == pytest.approx(0.75 * wide, abs=0.5)  # points
    assert b"/FontFile" in text  # its letters are letters


def test_only_the_svg_has_dark_colours():
    assert "prefers-color-scheme: dark" in DRAWING.svg
    assert "prefers-color-scheme" not in DRAWING.to_svg(dark=False)


@pytest.mark.parametrize("name", ["net.gif", "net", "net.svg.gz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(OutputError, match=r"ends in .svg, .png or .pdf"):
        DRAWING.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*: No such file"):
        DRAWING.save(tmp_path / "nowhere" / "net.svg")


def test_a_system_without_cairo_is_told_what_it_lacks(tmp_path, monkeypatch):
    class Broken:
        def find_spec(self, name, _path=None, _target=None):
            if name == "cairosvg":
                raise OSError('no library called "cairo-2" was found')

    monkeypatch.delitem(sys.modules, "cairosvg", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(OutputError, match="need the library cairo"):
        DRAWING.save(tmp_path / "net.png")
    DRAWING.save(tmp_path / "net.svg")
