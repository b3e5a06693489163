"""The documentation's examples are what the commands print."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import archkit
from tests.conftest import Cli
from tests.helps import commands, help_of

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL_PAGES = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
# An indented block that begins with `$ archkit ...`: the command, then what it prints. Where the commands of
# a page follow one another, tests/website/test_examples.py runs them.
EXAMPLE = re.compile(r"^    \$ archkit (?P<args>.*)\n(?P<output>(?:(?:    .*)?\n)*)", re.MULTILINE)
EXAMPLES = [
    pytest.param(found["args"], found["output"], id=f"{page.name}: {found['args']}")
    for page in PAGES
    if page.parent.name != "tutorials" and page.name != "start.md"
    for found in EXAMPLE.finditer(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("args", "output"), EXAMPLES)
def test_examples(cli: Cli, args: str, output: str) -> None:
    done = cli(*shlex.split(args), cwd=ROOT)
    printed = [line.rstrip() for line in (done.stdout + done.stderr).strip().splitlines()]
    shown = [line.removeprefix("    ").rstrip() for line in output.strip("\n").splitlines()]
    assert printed == shown


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


def test_links_lead_somewhere() -> None:
    for page in ALL_PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


# Two ways of naming what can be imported: `archkit.count.totals`, and `from archkit.count import totals`.
DOTTED = re.compile(r"\barchkit(?:\.[A-Za-z_]\w*)+")
FROM = re.compile(r"\bfrom (archkit[\w.]*) import (\w+(?:, \w+)*)")


def named_on(page: Path) -> set[str]:
    """Every dotted name of the package that a page prints."""
    text = page.read_text(encoding="utf-8")
    imported = {f"{module}.{name}" for module, names in FROM.findall(text) for name in names.split(", ")}
    return set(DOTTED.findall(text)) | imported


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_names_exist(page: Path) -> None:
    for name in sorted(named_on(page)):
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError) as error:
            pytest.fail(f"{page.name} names {name}: {error}")


def test_names_are_found() -> None:
    """The test above looks at something: both ways of naming, and the page that names the most."""
    names = named_on(ROOT / "docs" / "python.md")
    assert {"archkit.count.count_arrays", "archkit.nn.build", "archkit.count.tools.predict"} <= names


def test_every_command_has_a_row_that_names_its_functions() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \|.*\|.*\|$", (ROOT / "docs" / "python.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(rows) == sorted(commands())


# Paths of the repository as the pages print them; `archkit/bench/recipes/NAME.toml` says what to write.
PATHS = re.compile(r"\b(?:archkit|benchmarks|budgets|docs|tests)/[\w./-]*\w")


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    for path in sorted(set(PATHS.findall(page.read_text(encoding="utf-8")))):
        assert "NAME" in path or (ROOT / path).exists(), f"{page.name} names {path}"


# A line of a block that is a command, with what follows a # taken off.
COMMAND = re.compile(
    r"^    (?:\$ )?archkit (?P<name>[a-z]+(?:-[a-z]+)*)(?P<args>.*?)(?:\s+#.*)?$", re.MULTILINE
)


def test_options_exist() -> None:
    """The commands on the pages take the options they are shown with, those that are not run here too."""
    options: dict[str, set[str]] = {}
    for page in ALL_PAGES:
        for found in COMMAND.finditer(page.read_text(encoding="utf-8")):
            options.setdefault(found["name"], set()).update(re.findall(r"(?<=\s)--[a-z-]+", found["args"]))
    assert {"count", "enumerate", "solve", "bench"} <= set(options)
    for name, used in options.items():
        known = set(re.findall(r"--[a-z-]+", help_of(name)))
        assert used <= known, f"archkit {name} has no {', '.join(sorted(used - known))}"


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {
        name for line in re.findall(r"^[a-z][a-z -]*:", makefile, re.MULTILINE) for name in line[:-1].split()
    }
    named = set(re.findall(r"(?:^    |`)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets, f"{page.name}: the Makefile has no {', '.join(sorted(named - targets))}"


def test_the_life_of_a_spec_ends_in_a_report(cli: Cli, tmp_path: Path) -> None:
    """The commands at the end of the page, and the figures that it says the run and the report hold."""
    page = (ROOT / "docs" / "life-of-a-spec.md").read_text(encoding="utf-8")
    bench, report = (shlex.split(found["name"] + found["args"]) for found in COMMAND.finditer(page))
    for command in (bench, report):
        done = cli(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "weights.safetensors",
        "epochs.csv",
        "result.json",
        "correct.safetensors",
    }
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["spec"] == bench[1]
    row = (tmp_path / "report.md").read_text(encoding="utf-8")
    for figure in (result["params"], result["macs"]):
        assert f"{figure:,}" in page
        assert f"{figure:,}" in row
    assert "of 50 |" in row


def light_modules() -> list[str]:
    names = [m.name for m in pkgutil.walk_packages(archkit.__path__, "archkit.")]
    return [name for name in ("archkit", *names) if name != "archkit.__main__"]


@pytest.mark.parametrize("name", light_modules())
def test_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS).failed == 0
