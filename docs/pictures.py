"""Writes the pictures of the pages, in `docs/pictures`: `python docs/pictures.py`.

A test holds each drawing to what `archkit draw` draws today. The explorer's page is photographed in a
Chromium ($ARCHKIT_CHROMIUM, one on the path, or playwright's own), light and dark.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from archkit.drawing import draw

FOLDER = Path(__file__).with_name("pictures")
_TWO = ("resnet10", "[4,1,1,1]x[144,176,288,304]")
_NARROW = 390
PICTURES = {
    "two": draw(*_TWO),
    "two-narrow": draw(*_TWO, width=_NARROW),
    "families": draw("resnet50", "mobilenetv2_100", "convnext_tiny"),
}


def photograph() -> None:
    """Writes what `archkit explore --max-params 5M --max-macs 400M` shows, with two limits dragged."""
    from playwright.sync_api import sync_playwright

    from archkit.budget import Budget
    from archkit.explore import explore, to_html
    from archkit.spec import DEFAULT_SPACE, parse_space

    budget = Budget.read({"max_params": "5M", "max_macs": "400M"})
    found = explore(parse_space(DEFAULT_SPACE), budget, seconds=60)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        path = Path(place) / "space.html"
        path.write_text(to_html(found, title="archkit explore"), encoding="utf-8")
        at = os.environ.get("ARCHKIT_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=at, args=["--no-sandbox"])
        for scheme, name in (("light", "explore"), ("dark", "explore-dark")):
            page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme=scheme)
            page.goto(path.as_uri())
            page.wait_for_selector("#list tbody tr")
            for line, steps in ((0, 3), (1, 2)):
                page.locator(f"#line-{line}").focus()
                for _ in range(steps):
                    page.keyboard.press("ArrowLeft")
            page.locator("#chart").focus()
            for key in ("End", "ArrowLeft"):
                page.keyboard.press(key)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    for name, drawing in PICTURES.items():
        drawing.save(FOLDER / f"{name}.svg")
    photograph()
