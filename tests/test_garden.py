"""What greets a contributor: templates, hooks, workflow and citation parse, and say what the project says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from trove_classifiers import classifiers

import archkit
from tests.test_bare import light

ROOT = Path(__file__).parent.parent
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
YAML = [*FORMS, *sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / ".pre-commit-config.yaml"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*YAML, ROOT / "CITATION.cff"], ids=lambda path: path.name)
def test_it_parses(path: Path) -> None:
    assert isinstance(read(path), dict)


@pytest.mark.parametrize("path", [f for f in FORMS if f.stem != "config"], ids=lambda path: path.name)
def test_an_issue_form_is_whole(path: Path) -> None:
    """The keys that GitHub asks of a form, and no two questions of one id."""
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert all({"id", "attributes"} <= set(part) and part["attributes"]["label"] for part in asked)
    ids = [part["id"] for part in asked]
    assert len(ids) == len(set(ids))
    assert {"spec", "version"} <= set(ids)
    assert {part["type"] for part in form["body"]} <= {"input", "textarea", "dropdown", "markdown"}


def test_the_dev_container_parses() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make setup"


def test_the_hooks_run_what_make_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    for hook in repository["hooks"]:
        assert hook["language"] == "system"  # from the environment: one place says which version
        assert f"$(BIN)/{hook['entry'].removesuffix(' --force-exclude')}" in makefile


def test_the_workflow_runs_every_python_that_the_project_names() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    named = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert jobs["all"]["strategy"]["matrix"]["python"] == named
    assert all(version in SpecifierSet(PROJECT["requires-python"]) for version in named)
    assert set(jobs["light"]["strategy"]["matrix"]["python"]) <= set(named)


def test_the_workflow_installs_the_light_part_as_the_readme_does() -> None:
    runs = [
        step.get("run", "")
        for step in read(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["light"]["steps"]
    ]
    (install,) = (run for run in runs if "numpy" in run)
    assert all(str(requirement) in install for requirement in light())
    (tests,) = (run for run in runs if "pytest -m" in run)
    paths = re.findall(r"tests/[\w/.]+", tests)
    assert len(paths) >= 5
    assert all((ROOT / path).exists() for path in paths)


def test_the_citation_is_of_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == archkit.__version__
    assert citation["license"] == PROJECT["license"]


def test_classifiers_are_known() -> None:
    assert set(PROJECT["classifiers"]) <= classifiers
