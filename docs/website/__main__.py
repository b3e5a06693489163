"""Builds the site of the documentation: `python docs/website --out build/docs`.

The pages of the repository are laid out in a folder as zensical reads them, together with those that are
made here: the notebooks, the commands, and the reference from the docstrings. zensical then builds them
strictly: a link that leads nowhere is an error.

A page of docs/ is on the site by itself. A line in the table `nav` of docs/website/zensical.toml says where;
a page that has none stands under "More".
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import types
from pathlib import Path
from typing import Any, Final

import commands
import notebooks
from pages import ROOT, sources, staged, title

HERE: Final = Path(__file__).resolve().parent
# The packages whose docstrings are the reference, in the order of the page.
REFERENCE: Final = {
    "archkit": "what one needs most",
    "archkit.spec": "the language and its values",
    "archkit.plan": "the tree of layers",
    "archkit.count": "counting",
    "archkit.count.memory": "memory",
    "archkit.count.tools": "what other tools print",
    "archkit.budget": "budgets and the solver",
    "archkit.drawing": "drawings",
    "archkit.blocks": "families of blocks",
    "archkit.nn": "torch modules",
    "archkit.export": "files that run without archkit",
    "archkit.bench": "training and testing",
    "archkit.errors": "errors",
}


def stage(out: Path) -> dict[str, str]:
    """Lay the pages out in `out`; returns the title of each by its place."""
    titles = {}

    def add(where: str, text: str) -> None:
        (out / where).parent.mkdir(parents=True, exist_ok=True)
        (out / where).write_text(text, encoding="utf-8")
        titles[where] = title(text)

    for page, where in sources().items():
        add(where, notebooks.page(ROOT / page) if page.endswith(".ipynb") else staged(page, out))
    add("commands.md", commands.page())
    for name, says in REFERENCE.items():
        add(f"reference/{name}.md", reference(name, says))
    shutil.copytree(ROOT / "docs" / "pictures", out / "pictures", dirs_exist_ok=True)
    shutil.copytree(HERE / "assets", out / "assets")
    return titles


def reference(package: str, says: str) -> str:
    """The page of a package: what it says of itself, then each name that it exports.

    A name is looked up where it is defined, since a module may have the name of a function in it.
    """
    module = importlib.import_module(package)
    parts = [
        f"# {package}: {says}",
        f"::: {package}\n    options:\n      members: false\n      show_root_heading: false",
    ]
    for name in module.__all__:
        found = getattr(module, name)
        home = getattr(found, "__module__", "")
        defined = isinstance(found, type | types.FunctionType) and home.startswith("archkit")
        parts.append(f"::: {f'{home}.{found.__qualname__}' if defined else f'{package}.{name}'}")
    return "\n\n".join(parts) + "\n"


def _entries(nav: Any) -> set[str]:
    """Every page that a table of contents names."""
    if isinstance(nav, str):
        return {nav}
    return set().union(*(_entries(one) for one in (nav.values() if isinstance(nav, dict) else nav)))


def configuration(titles: dict[str, str]) -> str:
    """Zensical's settings, with the pages that no line of `nav` names."""
    text = (HERE / "zensical.toml").read_text(encoding="utf-8")
    named = _entries(tomllib.loads(text)["project"]["nav"])
    reference = [f'      {{ "{name}" = "reference/{name}.md" }},' for name in REFERENCE]
    more = [
        f'  {{ "{titles[page]}" = "{page}" }},'
        for page in sorted(set(titles) - named)
        if not page.startswith("reference/")
    ]
    text = text.replace("      # reference\n", "\n".join(reference) + "\n")
    text = text.replace("  # more\n", "\n".join(['  { "More" = [', *more, "  ] },"]) + "\n" if more else "")
    return text.replace("ROOT", ROOT.as_posix())


def build(out: Path) -> None:
    """Build the site into `out`, which is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        titles = stage(project / "pages")
        (project / "zensical.toml").write_text(configuration(titles), encoding="utf-8")
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
        done = subprocess.run(command, cwd=project, check=False, env={**os.environ, "NO_COLOR": "1"})
        if done.returncode:
            raise SystemExit("the site was not built: see above")
        for page in (project / "site").rglob("*.html"):
            offline(page)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(project / "site", out)


def offline(page: Path) -> None:
    """Take our own script instead of the one that zensical loads from elsewhere for search in files."""
    text = page.read_text(encoding="utf-8")
    up = "../" * (len(page.parts) - page.parts.index("site") - 2)
    text = text.replace("https://unpkg.com/iframe-worker/shim", f"{up}assets/worker.js")
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the site of the documentation.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="folder to write")
    build(parser.parse_args().out.resolve())
