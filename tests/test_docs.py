"""The documentation's examples are what the commands print."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import archkit
from tests.conftest import Cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# An indented block that begins with `$ archkit ...`: the command, then what it prints.
EXAMPLE = re.compile(r"^    \$ archkit (?P<args>.*)\n(?P<output>(?:(?:    .*)?\n)*)", re.MULTILINE)
EXAMPLES = [
    pytest.param(found["args"], found["output"], id=f"{page.name}: {found['args']}")
    for page in PAGES
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
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def light_modules() -> list[str]:
    names = [m.name for m in pkgutil.walk_packages(archkit.__path__, "archkit.")]
    return [name for name in ("archkit", *names) if name != "archkit.__main__"]


@pytest.mark.parametrize("name", light_modules())
def test_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page: Path) -> None:
    assert doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS).failed == 0
