"""Pages of the repository as pages of the site: where their links lead, and which language their code is."""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

# Pages that stand elsewhere in the repository, with their place on the site; the rest are those of docs/.
ELSEWHERE: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/results/README.md": "measured.md",
}
# Files that a page links to and that are no pages: they are laid beside the pages.
_FILES: Final = "files"

_LINK: Final = re.compile(r"(?<=\]\()(?P<target>[^)\s#]+)(?=[)#])")
_ATTRIBUTE: Final = re.compile(r'(?<= )(?P<name>src|srcset|href)="(?P<target>[^"#]+)"')
_LANGUAGES: Final = ((re.compile(r">>> "), "pycon"), (re.compile(r"\$ |archkit |make |pip "), "console"))
_FILE: Final = re.compile(r"<!-- file: (?P<file>[\w.-]+) -->")
_SUFFIXES: Final = {"csv": "text", "py": "python", "toml": "toml"}


def place(page: str) -> str | None:
    """Where a page of the repository stands on the site; None if it is no page of it."""
    if page in ELSEWHERE:
        return ELSEWHERE[page]
    inside = page.removeprefix("docs/")
    if inside == page or not inside.endswith((".md", ".ipynb")):
        return None
    return re.sub(r"\.ipynb$", ".md", inside)


def sources() -> dict[str, str]:
    """Every page and notebook, by its path in the repository, with its place on the site."""
    inside = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")]
    names = [*ELSEWHERE, *sorted(path.relative_to(ROOT).as_posix() for path in inside)]
    return {name: where for name in names if (where := place(name)) is not None}


def title(text: str) -> str:
    """What stands in the page's first heading."""
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")


def fenced(text: str) -> str:
    """The indented blocks of Python and of commands as fenced ones, which say their language."""
    lines: list[str] = []
    block: list[str] = []
    title = ""

    def end() -> None:
        """Write the block down, and then the empty lines behind it."""
        if not block:
            return
        empty = len(block) - len("\n".join(block).rstrip("\n").split("\n"))
        inside = [line[4:] for line in block[: len(block) - empty]]
        language = next((name for begin, name in _LANGUAGES if begin.match(inside[0])), None)
        if title:
            language = f'{_SUFFIXES[title.rpartition(".")[2]]} title="{title}"'
        lines.extend(
            block if language is None else [f"```{language}", *inside, "```", *block[len(block) - empty :]]
        )
        block.clear()

    for line in text.split("\n"):
        if (line.startswith("    ") and (block or not lines or not lines[-1])) or (block and not line):
            block.append(line)
        else:
            end()
            if line:
                named = _FILE.fullmatch(line)
                title = named["file"] if named else ""
            lines.append(line)
    end()
    return "\n".join(lines)


def linked(text: str, page: str, out: Path) -> str:
    """The text with its links as they lead on the site; a file that is no page is laid under `out`."""
    here = posixpath.dirname(place(page) or page)

    def moved(target: str) -> str:
        if re.match(r"[a-z]+:|//", target):
            return target
        named = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        where = place(named)
        if where is None and named.startswith("docs/"):
            where = named.removeprefix("docs/")
        where = where or posixpath.join(_FILES, named)
        if not named.endswith((".md", ".ipynb")):
            (out / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / named, out / where)
        return posixpath.relpath(where, here or ".")

    def attribute(found: re.Match[str]) -> str:
        return f'{found["name"]}="{moved(found["target"])}"'

    by_line: Callable[[str], str] = lambda line: _ATTRIBUTE.sub(  # noqa: E731 - one line, used once
        attribute, _LINK.sub(lambda found: moved(found["target"]), line)
    )
    # What is indented is code, and code has brackets of its own.
    return "\n".join(line if line.startswith("    ") else by_line(line) for line in text.split("\n"))


def staged(page: str, out: Path) -> str:
    """A page of the repository as the site's builder reads it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return fenced(linked(text, page, out))
