"""The pictures of the pages are what is drawn today, and the pages show those that are there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = runpy.run_path(str(ROOT / "docs" / "pictures.py"))["PICTURES"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_not_behind(name: str) -> None:
    path = ROOT / "docs" / "pictures" / f"{name}.svg"
    assert path.read_text(encoding="utf-8") == PICTURES[name].svg, "run python docs/pictures.py"


def test_every_picture_is_on_a_page_and_every_page_has_its_pictures() -> None:
    shown = set()
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r'(?:src|srcset)="([^"]+)"', page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name} shows {target}"
            shown.add((page.parent / target).resolve())
    assert shown == set((ROOT / "docs" / "pictures").iterdir())


def test_pictures_say_in_words_what_they_show() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "draw.md"):
        images = re.findall(r"<img [^>]*>", page.read_text(encoding="utf-8"))
        assert images
        assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)
