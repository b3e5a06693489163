"""Drawings in a headless Chromium: as a file, as a picture in a page, in the page, dark, on a telephone."""

from __future__ import annotations

from itertools import combinations

import pytest

from archkit.drawing import draw
from tests.bench.page.test_looks import contrast, rgb
from tests.drawing.reading import Box

NETWORKS = {
    "small": ("[1]x[16]",),
    "deep": ("[50,50,50]x[16,32,64] shortcut=pad",),
    "bottleneck": ("resnet50d attn=se",),
    "mobile": ("mobilenetv3_large_100",),
    "convnext": ("convnext_tiny",),
    "four": ("resnet10", "resnet12", "resnet14-4", "[9,9,8,8]x[32,32,80,160]"),
}


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page or a drawing; nothing may be requested besides, and no error be thrown."""
    contexts, wrong, requests = [], [], []

    def open_(text, name, **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert len(requests) == len(contexts)


BOXES = """() => Array.from(document.querySelectorAll("svg text"), (one) => {
  const box = one.getBoundingClientRect();
  return [one.textContent, box.left, box.top, box.right, box.bottom];
})"""


def page_of(svg: str) -> str:
    head = '<!doctype html><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    return f"{head}<title>net</title><body style='margin:0'>{svg}</body>"


@pytest.mark.parametrize("name", NETWORKS)
def test_no_text_lies_on_another_with_the_fonts_of_a_browser(opened, name):
    page = opened(draw(*NETWORKS[name]).svg, "net.svg", viewport={"width": 2400, "height": 900})
    boxes = [Box(*one) for one in page.evaluate(BOXES)]
    wide, high = page.evaluate("() => [+document.rootElement.width.baseVal.value, 1e6]")
    assert len(boxes) > 20
    for box in boxes:
        assert box.left >= 0, box
        assert box.right <= wide, box
        assert box.top >= 0, box
        assert box.bottom <= high, box
    # A box is a line of the font high, which is more than its letters are.
    inner = [box._replace(top=box.top + 3, bottom=box.bottom - 3) for box in boxes]
    for one, other in combinations(inner, 2):
        assert not one.overlaps(other), (one, other)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_telephone_shows_letters_that_can_be_read(opened, name):
    page = opened(
        page_of(draw(*NETWORKS[name], width=390).svg), "net.html", viewport={"width": 390, "height": 800}
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    scale = page.evaluate("document.querySelector('svg').getBoundingClientRect().width") / float(
        page.locator("svg").get_attribute("width")
    )
    assert (
        min(page.evaluate("[...document.querySelectorAll('text')].map((t) => +t.getAttribute('font-size'))"))
        * (scale)
        >= 9
    )
    assert all(one[3] <= 390 for one in page.evaluate(BOXES))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(opened, scheme):
    """WCAG AA: 4.5 for text, 3 for marks."""
    page = opened(draw("resnet50d attn=se", "mobilenetv2_100").svg, "net.svg", color_scheme=scheme)

    def colour(selector, what="fill"):
        return page.locator(selector).first.evaluate(f"(e) => getComputedStyle(e).{what}")

    back, panel = colour("rect.f-back"), colour("rect.panel")
    assert (sum(rgb(back)) < 150) == (scheme == "dark")
    fills = "(all) => [...new Set(all.map((e) => getComputedStyle(e).fill))]"
    for fill in page.locator("text:not(.times)").evaluate_all(fills):
        assert contrast(fill, back) >= 4.5
        assert contrast(fill, panel) >= 4.5
    assert contrast(colour("text.times"), colour("rect.f-ink")) >= 4.5
    for mark in ("rect.params", "rect.macs", "rect.memory"):
        assert contrast(colour(mark), panel) >= 3, mark
    for mark in ("rect.bar.f-layer", "rect.bar.f-gate", "rect.projection"):
        assert contrast(colour(mark), back) >= 3, mark
    assert contrast(colour("rect.bar.s-layer", "stroke"), back) >= 3


def test_paper_is_light(opened):
    page = opened(draw("resnet10").svg, "net.svg", color_scheme="dark")
    page.emulate_media(media="print")
    fill = page.locator("rect.f-back").first.evaluate("(e) => getComputedStyle(e).fill")
    assert rgb(fill) == (255, 255, 255)
