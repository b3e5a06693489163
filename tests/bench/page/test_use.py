"""The page of `archkit report --html`, opened in a headless Chromium and used: mouse and keys."""

from __future__ import annotations

import re
from html.parser import HTMLParser


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
