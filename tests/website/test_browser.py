"""The built site in a headless Chromium: on a server and as files, light, dark, on a telephone."""

from __future__ import annotations

import pytest

from tests.bench.page.test_looks import contrast, rgb

PAGES = [
    "index.html",
    "start.html",
    "commands.html",
    "reference/archkit.budget.html",
    "examples/cifar10-5m.html",
]


@pytest.fixture(params=["server", "files"])
def base(request, site, served):
    """The address of the site on a server, or that of its folder."""
    return served if request.param == "server" else f"{site.as_uri()}/"


@pytest.fixture
def opened(browser):
    """Opens a page; afterwards no error may have been thrown and nothing asked of another host."""
    contexts, wrong, requests, bases = [], [], [], []

    def open_(base, name, **options):
        bases.append(base)
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.goto(base + name)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert all(url.startswith((*bases, "data:", "about:", "blob:")) for url in requests), requests


@pytest.mark.parametrize("name", PAGES)
def test_pages_open(opened, base, name):
    page = opened(base, name)
    assert page.locator("h1").count() == 1
    assert "archkit" in page.title()
    for picture in page.locator("article img").all():
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("async (e) => { await e.decode(); return e.naturalWidth }") > 0


def test_the_search_finds_a_page(opened, base):
    """`wavelet` stands on one page only."""
    page = opened(base, "index.html")
    page.locator(".md-search__button").click()
    page.get_by_role("combobox", name="Search").press_sequentially("wavelet")
    page.locator('a[href*="budgets.html"][href*="how-it-is-exact"]').first.click()
    page.wait_for_url("**/budgets.html*")


def test_the_contents_lead_on(opened, base):
    page = opened(base, "index.html")
    page.locator("nav.md-nav--primary").get_by_role("link", name="My own images on a microcontroller").click()
    page.wait_for_url("**/tutorials/own-images.html")
    assert "My own images" in page.locator("h1").inner_text()


def test_the_copy_button_takes_the_commands_alone(opened, served):
    page = opened(served, "start.html", permissions=["clipboard-read", "clipboard-write"])
    block = page.locator(".language-console", has_text="archkit solve").first
    block.hover()
    block.locator("button").first.click()
    page.get_by_text("Copied to clipboard").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == [
        'archkit enumerate "[1..3]*3x[8..64:8] order=nondecreasing" --max-params 100k --limit 2',
        'archkit solve "[1..3]*3x[8..64:8] order=nondecreasing" --max-params 100k --max-macs 15M --best 2',
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "commands.html", "examples/cifar10-5m.html"])
def test_light_and_dark_can_be_read(opened, served, scheme, name):
    """WCAG AA: 4.5 for text, where it is not dimmed on purpose."""
    page = opened(served, name, color_scheme=scheme)
    back = page.locator("body").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert (sum(rgb(back)) < 150) == (scheme == "dark")
    for selector in ("article p", "article h2"):
        colour = page.locator(selector).first.evaluate("(e) => getComputedStyle(e).color")
        assert contrast(colour, back) >= 4.5, selector


@pytest.mark.parametrize("name", [*PAGES, "rosetta.html", "language.html", "questions.html"])
def test_a_telephone_needs_no_scrolling_sideways(opened, served, name):
    page = opened(served, name, viewport={"width": 390, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # What is wider scrolls inside itself.
    for block in page.locator("article pre > code, article .md-typeset__scrollwrap, article .output").all():
        box = block.bounding_box()
        assert box is None or box["x"] + box["width"] <= 391
