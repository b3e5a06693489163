"""The page of `archkit report --html`, opened in a headless Chromium and used: mouse, keys, dark, a phone."""

from __future__ import annotations

import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archkit.bench.recipe import load_recipe, override
from archkit.bench.report import find_runs, group_runs
from archkit.bench.report.html import to_html
from tests.bench.runs import write_run

ADAM = [("optimizer.name", "adam"), ("optimizer.momentum", 0.0), ("optimizer.weight_decay", 0.0)]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """Three networks, two optimizers and three rates of one of them, two seeds; and a second data set."""
    root = tmp_path_factory.mktemp("runs")
    grid = load_recipe("paper-grid")
    for seed in (0, 1):
        for at, lr in enumerate((0.1, 0.01, 0.001)):
            recipe = override(grid, [("optimizer.lr", lr)])
            write_run(root, "resnet10", recipe, seed=seed, correct=9100 - 50 * at + seed, flip=9200)
        write_run(root, "resnet10", override(grid, ADAM), seed=seed, correct=8900 + seed, flip=9000)
        write_run(root, "resnet12", grid, seed=seed, correct=8800 + 9 * seed, flip=8900)
        write_run(root, "[3,3,3]x[16,32,64]", grid, seed=seed, correct=9200 + seed, flip=9300)
    write_run(root, "[1]x[8]", "fast", data="</script><b>&", correct=3000)
    path = tmp_path_factory.mktemp("page") / "report.html"
    runs, _ = find_runs([root])
    path.write_text(to_html(group_runs(runs), title="A <report> & more"), encoding="utf-8")
    return path


class Tags(HTMLParser):
    """Every element's name and attributes."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_nothing_in_the_page_leads_outside(page_file):
    text = page_file.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    for tag, attributes in tags.found:
        assert tag not in ("img", "iframe", "object", "embed")
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "data:,") == "data:,"
    addresses = set(re.findall(r"https?://[^\s\"']+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name space, never fetched
    assert not re.search(r"@import|url\(", text)
    (policy,) = (a["content"] for t, a in tags.found if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy


def test_names_from_outside_are_text(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert "A &lt;report&gt; &amp; more" in text
    assert "&lt;/script&gt;&lt;b&gt;&amp;" in text
    assert text.count("</script>") == 2


def chromium() -> str | None:
    """A browser that is there: $ARCHKIT_CHROMIUM, one on the path, or None for playwright's own."""
    if given := os.environ.get("ARCHKIT_CHROMIUM"):
        return given
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="no browser: playwright is not installed")
    with api.sync_playwright() as playwright:
        # Without its sandbox, which needs rights that a container does not give; the page is our own.
        options = {"args": ["--no-sandbox"], "executable_path": chromium()}
        try:
            started = playwright.chromium.launch(**options)
        except api.Error as error:
            pytest.skip(
                "no browser: neither $ARCHKIT_CHROMIUM, chromium or chrome on the path, nor playwright's own"
                f" ({str(error).splitlines()[0]})"
            )
        yield started
        started.close()


@pytest.fixture
def opened(browser, page_file):
    """Opens the page; afterwards nothing may have been requested and no error thrown."""
    contexts, wrong, requests = [], [], []

    def open_(**options):
        context = browser.new_context(
            **{"viewport": {"width": 1200, "height": 900}, "offline": True, **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_file.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert set(requests) <= {page_file.as_uri()}


def rgb(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def contrast(one: str, other: str) -> float:
    """WCAG's contrast of two colours."""

    def luminance(text: str) -> float:
        linear = [c / 12.92 if (c := v / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for v in rgb(text)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_chart_is_drawn(opened):
    page = opened()
    figures = page.locator("section").first.locator("figure")
    captions = [c.strip() for c in figures.locator("figcaption").all_inner_texts()]
    assert captions == [
        "Accuracy against parameters",
        "Accuracy against multiply-accumulates",
        "Test accuracy, each network with its best recipe",
        "Networks, each with its best recipe",
        "Optimizers of resnet10 at the learning rate 0.1",
        "Learning rates of resnet10 with sgd",
    ]
    # A mark for each group in both scatters; the second data set has its own.
    assert [figures.nth(i).locator("svg g[role=img] .mark").count() for i in (0, 1, 2)] == [6, 6, 3]
    assert [figures.nth(i).locator("polyline").count() for i in (3, 4, 5)] == [3, 2, 3]
    assert page.locator("section").nth(1).locator("figure").count() == 2


def test_the_front_passes_through_the_best(opened):
    """resnet12 costs the least; resnet10 costs more than [3,3,3]x[16,32,64] and is worse."""
    page = opened()
    named = page.locator("figure").first.locator("svg text.name").all_text_contents()
    assert "resnet12" in named
    assert "resnet10" not in named


def test_pointing_at_a_mark_explains_it(opened):
    page = opened()
    mark = page.locator("figure").first.locator("svg g[role=img]").first
    mark.locator(".mark").hover()
    tip = page.locator("#tip")
    assert tip.is_visible()
    said = tip.inner_text()
    assert "resnet10" in said
    assert "91.00% of 10,000 test images, mean of 2 seeds" in said or "91.01%" in said
    assert "with flips 92.00%" in said
    assert "the paper: 91.46%" in said
    assert "4,980,234 parameters, 328,930,304 MACs" in said
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_keys_reach_all(opened):
    """From the top with Tab alone: marks, choices, curves, the table's heads; each focus can be seen."""
    page = opened()
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        kind, outline = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.tagName.toLowerCase(), s.outlineStyle + ' ' + s.outlineWidth]; }"
        )
        seen.add(kind)
        if kind in ("g", "svg"):
            assert page.locator("#tip").is_visible()
        if kind != "body":
            assert outline.startswith(("solid", "auto")), (kind, outline)
    assert {"g", "select", "svg", "button"} <= seen


def test_arrow_keys_move_through_the_epochs(opened):
    page = opened()
    figure = page.locator("figure").nth(4)
    figure.locator("select").focus()
    page.keyboard.press("Tab")
    tip = page.locator("#tip")
    assert "epoch 1\n" in tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert tip.inner_text().splitlines() == ["epoch 2", "1.0000 sgd", "1.0000 adam"]
    page.keyboard.press("End")
    assert "epoch 70" in tip.inner_text()
    page.keyboard.press("Tab")
    assert not tip.is_visible()


def test_the_curves_show_what_is_chosen(opened):
    page = opened()
    figure = page.locator("figure").nth(3)
    before = figure.locator("polyline").first.get_attribute("points")
    figure.locator("select").select_option("validation accuracy")
    assert "validation accuracy, %" in figure.locator("svg text").all_text_contents()
    assert figure.locator("polyline").first.get_attribute("points") != before
    figure.locator("polyline").first.hover(force=True)
    assert (
        "50.00 resnet12" in page.locator("#tip").inner_text()
    )  # half of those set apart were right in every epoch


def test_the_table_sorts(opened):
    page = opened()
    table = page.locator("table").first

    def column(number: int) -> list[str]:
        return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    means = [float(text) for text in column(4)]
    head = table.locator("th", has=page.get_by_role("button", name="mean", exact=True))
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [float(text) for text in column(4)] == sorted(means, reverse=True)
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(4)] == sorted(means)
    table.get_by_role("button", name="paper", exact=True).click()
    assert column(9)[-1] == "-"  # the network that the paper has not stays below
    table.get_by_role("button", name="params", exact=True).click()
    assert column(11)[0] == "4,980,234"


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
