"""The page of `archkit explore`, opened in a headless Chromium and used: mouse, finger and keys."""

from __future__ import annotations

import re

import pytest

from archkit.budget import Budget, Limit, count_within
from archkit.spec import parse, parse_space
from tests.bench.page.test_looks import contrast, rgb
from tests.bench.page.test_use import Tags
from tests.explore.conftest import HOSTILE
from tests.explore.space import LIMITS, SPACE


def where(page, i: int) -> tuple[float, float]:
    """A network's place in the window."""
    return tuple(
        page.evaluate(
            "(i) => { const [x, y] = Chart.place(Chart.points().find((one) => one.i === i));"
            " const box = document.getElementById('chart').getBoundingClientRect();"
            " return [box.left + x, box.top + y]; }",
            i,
        )
    )


def until(page, what: str, arg=None) -> None:
    """Waits for something to be true; the page's policy lets playwright not wait for it inside."""
    for _ in range(200):
        if page.evaluate(what, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"still false: {what}")


def listed(page) -> str:
    """The head of the list, once it is of what is chosen now."""
    until(page, "document.getElementById('list').getAttribute('aria-busy') === 'false'")
    return page.locator("#listhead").inner_text()


def follow(page) -> None:
    """Waits for the frame in which the page follows the pointer."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def number(text: str) -> int:
    return int(re.search(r"[\d,]+", text)[0].replace(",", ""))


def line(page, way: str) -> float:
    """Where a line stands in the window, in pixels across or down."""
    return page.evaluate(
        "(way) => { const k = Panel.DATA.lines.findIndex((l) => l.column === Page.state[way]);"
        " const box = document.getElementById('chart').getBoundingClientRect();"
        " const stop = Panel.DATA.lines[k].stops[Page.state.stops[k]];"
        " return Chart.pixel(way, stop) + (way === 'x' ? box.left : box.top); }",
        way,
    )


def expected(page) -> int:
    """How many fit at the limits that the page shows, counted here."""
    params, macs = (number(text) for text in page.locator(".limit output").all_inner_texts())
    budget = Budget.read(LIMITS).replace(params=Limit(None, params), macs=Limit(None, macs))
    return count_within(parse_space(SPACE), budget)


def clipboard(page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def test_nothing_in_the_page_leads_outside(page_file):
    text = page_file.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    for tag, attributes in tags.found:
        assert tag not in ("img", "iframe", "object", "embed", "b")
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "data:,") == "data:,"
    (policy,) = (a["content"] for t, a in tags.found if t == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_names_from_outside_are_text(page_file, opened):
    text = page_file.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert text.count("</script>") == 2
    page = opened()
    assert page.locator("h1").inner_text() == f"A {HOSTILE}"
    page.locator("#chart").focus()
    page.evaluate("Panel.show(Panel.DATA.kind.indexOf(5))")
    assert (
        page.locator(".notes")
        .inner_text()
        .endswith(f"80.00% of 10,000 test images of {HOSTILE}, recipe fast")
    )
    assert page.locator(".notes img, .notes b").count() == 0


def test_it_shows_what_fits(opened, found):
    page = opened()
    assert number(page.locator("#count").inner_text()) == found.fit == expected(page)
    assert "60 of the 60 drawn fairly" in page.locator("#within").inner_text()
    assert page.evaluate("Chart.points().length") == len(found.points)
    labels = page.locator("#kinds label").all_inner_texts()
    assert [label.partition(" (")[0] for label in labels] == [
        "fair sample",
        "exact front",
        "best within a limit",
        "the solver's best",
        "measured",
    ]


def test_pointing_at_a_network_shows_it_and_its_drawing(opened, found):
    page = opened()
    at = next(i for i, one in enumerate(found.points) if one.kind == "front")
    page.mouse.move(*where(page, at))
    page.wait_for_selector("#about:not([hidden])")
    assert page.locator("#spec").inner_text() == found.points[at].spec
    assert page.locator("#tip").inner_text() == found.points[at].spec
    figures = page.locator("dl.figures").inner_text()
    for name in ("params", "macs", "activations", "training_memory", "peak_memory"):
        assert f"{found.costs[at][name]:,}" in figures
    drawing = page.locator(".drawing svg")
    spec = parse(found.points[at].spec)
    assert [text for text in drawing.locator("text").all_text_contents() if text.startswith("x ")] == [
        f"x {n}" for n in spec.blocks
    ]
    widths = [one for one in drawing.locator("text.shape").all_text_contents() if "x" in one]
    assert [int(one.split("x")[0]) for one in widths] == [8, *spec.channels]


def test_a_click_copies_the_command(opened, found):
    page = opened()
    at = next(i for i, one in enumerate(found.points) if one.kind == "best")
    page.mouse.click(*where(page, at))
    until(page, "document.getElementById('said').textContent.startsWith('copied')")
    spec = page.locator("#spec").inner_text()
    assert clipboard(page) == f'archkit bench "{spec}"'
    page.locator("#list tbody tr").nth(2).get_by_role("button").click()
    third = page.locator("#list tbody tr").nth(2).locator("td").first.inner_text()
    until(page, "(t) => document.getElementById('said').textContent.includes(t)", third)
    assert clipboard(page) == f'archkit bench "{third}"'


@pytest.mark.parametrize("way", ["x", "y"])
def test_a_limit_is_dragged_and_the_number_is_exact(opened, way):
    page = opened()
    box = page.locator("#chart").bounding_box()
    start = line(page, way)
    middle = (start, box["y"] + box["height"] / 2) if way == "x" else (box["x"] + box["width"] / 2, start)
    page.mouse.move(*middle)
    page.mouse.down()
    seen = set()
    for by in (60, 120, 200, 260):
        page.mouse.move(*((middle[0] - by, middle[1]) if way == "x" else (middle[0], middle[1] + by / 2)))
        follow(page)
        count = number(page.locator("#count").inner_text())
        assert count == expected(page)
        seen.add(count)
    page.mouse.up()
    assert len(seen) >= 3
    # The line stands at a stop, and the networks beyond it are ruled out.
    column = page.evaluate("(way) => Page.state[way]", way)
    limit = page.evaluate(
        "(c) => { const k = Panel.DATA.lines.findIndex((l) => l.column === c);"
        " return Panel.DATA.lines[k].stops[Page.state.stops[k]]; }",
        column,
    )
    on = page.evaluate(
        "(c) => Chart.points().filter((o) => o.on === 2).map((o) => Panel.DATA.columns[c].values[o.i])",
        column,
    )
    assert 0 < len(on) < page.evaluate("Chart.points().length")
    assert max(on) <= limit


def test_a_rectangle_selects(opened, found):
    page = opened()
    box = page.locator("#chart").bounding_box()
    page.mouse.move(box["x"] + 90, box["y"] + box["height"] * 0.75)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40, steps=5)
    page.mouse.up()
    ends = [float(page.locator(f"#{name}").input_value()) for name in ("x0", "x1", "y0", "y1")]
    inside = [
        cost
        for cost in found.costs
        if ends[0] <= cost["params"] <= ends[1] and ends[2] <= cost["macs"] <= ends[3]
    ]
    head = listed(page)
    assert head.endswith("selected")
    assert 0 < len(inside) < len(found.points)
    assert abs(number(head.split(" of ")[-1]) - len(inside)) <= 1  # the fields are rounded to four digits
    page.keyboard.press("Escape")
    page.locator("#clear").click()
    assert listed(page).endswith("that fit")
    page.locator("#x1").fill("20000")
    page.keyboard.press("Enter")
    assert listed(page).endswith("selected")
    few = sum(cost["params"] <= 20_000 for cost in found.costs)
    assert page.evaluate("Chart.points().filter((one) => one.on === 2).length") == few


def test_keys_do_all_of_it(opened, found):
    page = opened()
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.id || e.type || e.tagName.toLowerCase(), s.outlineStyle]; }"
        )
        seen.append(name)
        if name != "body":
            assert outline in ("solid", "auto"), name
    assert {"x", "xlog", "y", "ylog", "chart", "line-0", "line-1", "x0", "clear"} <= set(seen)
    page.locator("#chart").focus()
    page.keyboard.press("Home")
    first = page.locator("#spec").inner_text()
    assert found.costs[[one.spec for one in found.points].index(first)]["params"] == min(
        cost["params"] for cost in found.costs
    )
    page.keyboard.press("ArrowRight")
    assert page.locator("#spec").inner_text() != first
    page.keyboard.press("Enter")
    until(page, "document.getElementById('said').textContent.startsWith('copied')")
    assert clipboard(page) == f'archkit bench "{page.locator("#spec").inner_text()}"'
    page.locator("#line-0").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert number(page.locator("#count").inner_text()) == expected(page) < found.fit
    assert page.locator("#line-0").get_attribute("aria-valuetext").endswith(f"{expected(page):,} fit")


def test_any_two_figures_log_or_linear(opened):
    page = opened()
    names = page.locator("#x option").all_inner_texts()
    assert names == [
        "parameters",
        "MACs",
        "activations",
        "depth",
        "training memory, bytes",
        "peak memory, bytes",
        "capacity",
        "test accuracy, %",
    ]
    page.locator("#x").select_option(label="depth")
    page.locator("#y").select_option(label="capacity")
    until(
        page,
        "document.getElementById('chart').getAttribute('aria-label').startsWith('capacity against depth')",
    )
    assert not page.locator("#xlog").is_checked()
    page.locator("#xlog").check()
    until(page, "Chart.ready() && Chart.points().every((o) => o.x === Panel.DATA.columns[3].values[o.i])")
    page.locator("#y").select_option(label="test accuracy, %")
    until(page, "Chart.points().length === 1")  # nothing else is measured
    page.locator("#kinds input").last.uncheck()
    until(page, "Chart.points().every((o) => o.on === 0)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(opened, scheme):
    page = opened(color_scheme=scheme)
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    panel = page.locator("figure").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert (sum(rgb(back)) < 150) == (scheme == "dark")
    for icon in page.locator("#kinds svg path").all():
        assert contrast(icon.evaluate("(e) => getComputedStyle(e).fill"), panel) >= 3
    for text in page.locator("figcaption span, #keys, #kinds label").all():
        assert contrast(text.evaluate("(e) => getComputedStyle(e).color"), panel) >= 4.5


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_window_is_enough(opened, found, width):
    page = opened(viewport={"width": width, "height": 800}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    at = next(i for i, one in enumerate(found.points) if one.kind == "best")
    page.touchscreen.tap(*where(page, at))
    page.wait_for_selector("#about:not([hidden])")
    assert page.locator(".drawing svg").bounding_box()["width"] <= width


def test_a_window_that_changes_redraws(opened):
    page = opened()
    before = page.locator("#chart canvas").bounding_box()["width"]
    page.set_viewport_size({"width": 500, "height": 800})
    until(page, "(before) => (document.querySelector('#chart canvas')?.clientWidth ?? 9e9) < before", before)
    assert page.evaluate("document.documentElement.scrollWidth") <= 500


def test_5_000_networks_are_a_few_megabytes_and_can_be_dragged(opened, large_file):
    """How long a step takes is measured in benchmarks/explore.py."""
    assert large_file.stat().st_size < 6_000_000
    page = opened(large_file)
    assert page.evaluate("Chart.points().length") == 5_000
    before = number(page.locator("#count").inner_text())
    box = page.locator("#chart").bounding_box()
    page.mouse.move(line(page, "x"), box["y"] + 200)
    page.mouse.down()
    page.mouse.move(line(page, "x") - 120, box["y"] + 200, steps=4)
    page.mouse.up()
    assert number(page.locator("#count").inner_text()) == expected(page) < before
