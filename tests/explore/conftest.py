"""Pages of `archkit explore`, opened in the browser of the report's tests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from archkit.budget import Budget
from archkit.drawing.view import view
from archkit.explore import explore, to_html
from archkit.spec import parse_space
from tests.bench.page.conftest import browser
from tests.bench.runs import write_run
from tests.explore.space import LIMITS, SPACE

__all__ = ["browser"]

HOSTILE = "</script><img src=x onerror=alert(1)><b>&"


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """The small space, with a measured run whose data set has a name that no one should give it."""
    root = tmp_path_factory.mktemp("runs")
    write_run(root, "[1,1,1]x[8,8,8]", data=HOSTILE, correct=8000)
    return explore(parse_space(SPACE), Budget.read(LIMITS), draws=60, runs=[root])


@pytest.fixture(scope="session")
def page_file(found, tmp_path_factory):
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    path = tmp_path_factory.mktemp("page") / "space.html"
    path.write_text(to_html(found, title=f"A {HOSTILE}"), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def large_file(found, tmp_path_factory):
    """5,000 points: those of the small space again and again, which are as many to draw as others."""
    pytest.importorskip("vl_convert", reason="vl-convert-python is not installed")
    points, costs = list(found.points), list(found.costs)
    many = replace(
        found,
        points=tuple((points * 5_000)[:5_000]),
        costs=tuple((costs * 5_000)[:5_000]),
    )
    path = tmp_path_factory.mktemp("large") / "space.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archkit.explore.html.view", cache(view))  # or half a minute goes by
        path.write_text(to_html(many, title="large"), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, page_file):
    """Opens a page; afterwards nothing may have been requested and no error thrown."""
    contexts, wrong, requests, files = [], [], [], set()

    def open_(file=page_file, **options):
        context = browser.new_context(
            **{"viewport": {"width": 1200, "height": 1000}, "offline": True, **options}
        )
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type != "log" else None)
        page.on("request", lambda request: requests.append(request.url))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        files.add(file.as_uri())
        page.goto(file.as_uri())
        page.wait_for_selector("#list tbody tr", timeout=60_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
    assert set(requests) <= files
