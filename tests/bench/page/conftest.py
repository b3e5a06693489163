"""The page of `archkit report --html` of some runs, opened in a headless Chromium."""

from __future__ import annotations

import os
import shutil

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
