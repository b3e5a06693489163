"""The site as it is built: every page and every command is on it, and nothing on it comes from elsewhere."""

from __future__ import annotations

import importlib
import json
import re
import runpy
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.helps import help_of
from tests.website.conftest import ROOT, WEBSITE

import commands  # isort: skip - of docs/website
import pages  # isort: skip


class Page(HTMLParser):
    """The words of a page, and the addresses that it has the browser load."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in {"script", "img", "source", "iframe"} or (
            tag == "link" and found.get("rel") != "canonical"
        ):
            self.loads += [value for key in ("src", "href", "srcset") if (value := found.get(key))]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def test_every_page_of_the_repository_is_on_it(site):
    expected = {where.replace(".md", ".html") for where in pages.sources().values()}
    assert {"index.html", "start.html", "tutorials/own-images.html", "examples/two-papers.html"} <= expected
    assert len(list((ROOT / "docs").glob("*.md"))) <= len(expected)
    for name in expected:
        assert (site / name).is_file(), name


def test_every_page_stands_in_the_contents(site):
    """Those that no line of `nav` names stand under More."""
    contents = (site / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="(?:\./)?([\w/.-]+\.html)"', contents))
    built = {path.relative_to(site).as_posix() for path in site.rglob("*.html")} - {"404.html"}
    assert built <= linked


def test_a_page_is_added_by_one_line_and_stands_under_more_without_it():
    nav = tomllib.loads((WEBSITE / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    assert {"The language": "language.md"} in nav
    configuration = runpy.run_path(str(WEBSITE / "__main__.py"), run_name="website")["configuration"]
    made = tomllib.loads(configuration({"language.md": "The language", "new.md": "A new page"}))["project"][
        "nav"
    ]
    assert {"The language": "language.md"} in made
    assert made[-1] == {"More": [{"A new page": "new.md"}]}


def test_nothing_is_loaded_from_elsewhere(site):
    files = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]
    assert len(files) > 40
    for path in files:
        if path.suffix == ".css":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", text), path
            assert not re.search(r"@import", text), path
        else:
            for address in Page(path).loads:
                assert not re.match(r"(?:https?:)?//", address), f"{path.name} loads {address}"


def test_every_link_leads_to_a_file(site):
    for path in site.rglob("*.html"):
        if path.name == "404.html":
            continue
        for target in re.findall(r'(?:href|src)="([^"]+)"', path.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:|//|#", target):
                continue
            assert (path.parent / target.partition("#")[0].partition("?")[0]).exists(), (
                f"{path.name}: {target}"
            )


def test_every_command_and_option_is_on_it(site):
    """Asked of `--help`, which the page is not made from."""
    text = (site / "commands.html").read_text(encoding="utf-8")
    names = re.findall(r"^│ ([a-z-]+) ", help_of().partition("─ Commands ")[2], re.MULTILINE)
    assert {"count", "solve", "bench", "export"} <= set(names)
    assert set(commands.commands()) == set(names)
    for name in names:
        section = re.split(r"<h2 ", text.partition(f'id="{name}"')[2])[0]
        columns = re.findall(r"^│ [ *]*((?:--[a-z-]+ +)+)", help_of(name), re.MULTILINE)
        known = set(" ".join(columns).split()) - {"--help"}
        assert known, name
        for option in known:
            assert f"<code>{option}</code>" in section, f"archkit {name} {option}"


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("archkit", ["parse", "totals", "layout"]),
        ("archkit.count", ["count", "totals", "equation1"]),
        ("archkit.budget", ["solve", "count_within", "headroom"]),
        ("archkit.nn", ["build", "infer", "load_weights"]),
    ],
)
def test_the_reference_has_what_the_package_exports(site, package, names):
    text = (site / "reference" / f"{package}.html").read_text(encoding="utf-8")
    assert set(names) <= set(importlib.import_module(package).__all__)
    for name in names:
        assert re.search(rf'<h2 id="archkit\.(?:\w+\.)*{name}"', text), name
    assert "&gt;&gt;&gt;" not in re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)  # examples are code


def test_the_search_knows_the_pages(site):
    found = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    places = {item["location"].partition("#")[0] for item in found}
    assert {"index.html", "budgets.html", "commands.html", "questions.html"} <= places


def test_blocks_say_their_language():
    text = "A:\n\n    >>> 1 + 1\n    2\n\nB:\n\n    $ archkit zoo\n    x\n\n    y\n\nC:\n\n    int x;\n"
    assert pages.fenced(text) == (
        "A:\n\n```pycon\n>>> 1 + 1\n2\n```\n\n"
        "B:\n\n```console\n$ archkit zoo\nx\n\ny\n```\n\n"
        "C:\n\n    int x;\n"
    )


def test_files_say_their_name():
    text = "a\n\n<!-- file: a.py -->\n\n    x = 1\n\nb\n\n    y\n"
    assert pages.fenced(text) == (
        'a\n\n<!-- file: a.py -->\n\n```python title="a.py"\nx = 1\n```\n\nb\n\n    y\n'
    )


def test_links_lead_to_where_pages_stand(tmp_path):
    text = "[a](docs/language.md#families) [b](CONTRIBUTING.md) [c](https://x.y/z) [d](LICENSE)\n"
    moved = pages.linked(text, "README.md", tmp_path)
    assert moved == "[a](language.md#families) [b](contributing.md) [c](https://x.y/z) [d](files/LICENSE)\n"
    assert (tmp_path / "files" / "LICENSE").is_file()
    back = pages.linked(
        "[a](../../README.md#install) [b](../bench.md)", "docs/tutorials/own-images.md", tmp_path
    )
    assert back == "[a](../index.md#install) [b](../bench.md)"
