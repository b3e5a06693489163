"""A drawing read back: its marks out of the XML, its texts measured with a real font."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree as ET

import matplotlib as mpl
from PIL import ImageFont

SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    """A mark: what it says or is, and where it is."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def read(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def classes(mark: ET.Element) -> set[str]:
    return set(mark.get("class", "").split())


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [mark for mark in root.iter() if name in classes(mark)]


def texts(root: ET.Element, name: str) -> list[str]:
    return [mark.text or "" for mark in of_class(root, name)]


@cache
def font(bold: bool) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, the widest font that a system is likely to show a drawing in; matplotlib has it."""
    name = f"fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(f"{mpl.get_data_path()}/{name}", 100)


def text_boxes(root: ET.Element) -> Iterator[Box]:
    for mark in root.iter(f"{SVG}text"):
        size = float(mark.get("font-size", ""))
        wide = font(mark.get("font-weight") == "bold").getlength(mark.text or "") * size / 100
        x, base = float(mark.get("x", "")), float(mark.get("y", ""))
        left = x - wide * {"middle": 0.5, "end": 1.0}.get(mark.get("text-anchor", ""), 0.0)
        yield Box(mark.text or "", left, base - 0.76 * size, left + wide, base + 0.2 * size)


def rect_box(mark: ET.Element) -> Box:
    x, y, width, height = (float(mark.get(name, "")) for name in ("x", "y", "width", "height"))
    return Box(mark.get("class", ""), x, y, x + width, y + height)


def assert_nothing_overlaps(svg: str) -> None:
    """No text lies on another, on a bar, or outside the picture."""
    root = read(svg)
    sheet = Box("sheet", 0, 0, float(root.get("width", "")), float(root.get("height", "")))
    written = list(text_boxes(root))
    bars = [rect_box(mark) for name in ("bar", "track") for mark in of_class(root, name)]
    for box in written:
        assert sheet.left <= box.left, box
        assert box.right <= sheet.right, box
        assert sheet.top <= box.top, box
        assert box.bottom <= sheet.bottom, box
    for one, other in combinations(sorted(written, key=lambda box: box.top), 2):
        assert not one.overlaps(other), (one, other)
    for one in written:
        for bar in bars:
            assert not one.overlaps(bar), (one, bar)
