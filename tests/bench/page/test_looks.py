"""How the page of `archkit report --html` looks: light, dark, on a phone, without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


def rgb(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def contrast(one: str, other: str) -> float:
    """WCAG's contrast of two colours."""

    def luminance(text: str) -> float:
        linear = [c / 12.92 if (c := v / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for v in rgb(text)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(opened, scheme):
    """WCAG AA: 4.5 for text, 3 for marks and lines."""
    page = opened(color_scheme=scheme)
    back = page.locator("body").evaluate("(e) => getComputedStyle(e).backgroundColor")
    panel = page.locator("figure").first.evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert (sum(rgb(back)) < 150) == (scheme == "dark")
    for selector, on, least in (
        ("h1", back, 4.5),
        (".soft", back, 4.5),
        ("figcaption", panel, 4.5),
        ("tbody td", back, 4.5),
    ):
        colour = page.locator(selector).first.evaluate("(e) => getComputedStyle(e).color")
        assert contrast(colour, on) >= least, selector
    for text in page.locator("figure svg text").all():
        assert contrast(text.evaluate("(e) => getComputedStyle(e).fill"), panel) >= 4.5
    for mark in page.locator("figure svg .mark").all():
        assert contrast(mark.evaluate("(e) => getComputedStyle(e).fill"), panel) >= 3


@pytest.mark.parametrize("width", [320, 375, 768])
def test_a_narrow_window_is_enough(opened, width):
    page = opened(viewport={"width": width, "height": 700}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for text in page.locator("figure svg text").all():
        box = text.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1, text.text_content()
        assert box["height"] >= 10  # nothing is scaled down
    page.locator("figure").first.locator("svg g[role=img] .mark").first.tap()
    tip = page.locator("#tip").bounding_box()
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= width


def test_a_window_that_changes_redraws(opened):
    page = opened()
    before = page.locator("figure svg").first.get_attribute("viewBox")
    page.set_viewport_size({"width": 500, "height": 700})
    page.wait_for_function(
        "(before) => document.querySelector('figure svg').getAttribute('viewBox') !== before", arg=before
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 500


def test_a_screenshot_shows_colours(opened, tmp_path):
    """The charts are more than axes: a picture of the first has its marks' colours in it."""
    from PIL import Image

    page = opened()
    path = tmp_path / "chart.png"
    figure = page.locator("figure").first
    figure.screenshot(path=str(path))
    with Image.open(path) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(1 << 24)}
    wanted = {
        rgb(mark.evaluate("(e) => getComputedStyle(e).fill")) for mark in figure.locator(".plot .mark").all()
    }
    assert len(wanted) == 3
    assert wanted <= colours


def test_without_javascript_the_tables_are_there(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(Path(page_file).as_uri())
    assert page.locator("tbody tr").count() == 7
    assert "The charts need JavaScript" in page.locator("noscript").inner_text()
    context.close()
