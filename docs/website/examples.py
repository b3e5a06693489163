"""The commands that the pages show, with what they print: found, run, and written anew.

    python docs/website/examples.py README.md docs/start.md

runs the commands of these pages and writes what they print now into them. Where training decides the figures,
`<!-- figures vary -->` stands before the block: it fits if all but the figures does, and what fits is left as
it is.

On a page of docs/tutorials/ and in docs/start.md the commands follow one upon another: they run in one
folder, by a shell. On every other page each command stands alone, in the root of the clone, and must leave
nothing behind. A block behind `<!-- file: NAME -->` is a file that the reader is asked to write.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_BLOCK: Final = re.compile(
    r"^(?:(?P<varies><!-- figures vary -->)\n\n(?=    \$ )|<!-- file: (?P<file>[\w.-]+) -->\n\n|(?=    \$ ))"
    r"(?P<lines>    .*\n(?:(?:    .*)?\n)*?)(?=\S|\Z)",
    re.MULTILINE,
)
_VARIES: Final = (
    (r"^device .*", "device"),
    (r"\b[0-9a-f]{8}\b", "HASH"),
    (r"\d+ min \d+ s|\d+ min", "1 s"),
    (r"[+-]?\d[\d,.]*(e[+-]\d+)?", "N"),
    (r"threads\b", "thread"),
    (r"─+", "─"),
    (r"\s+", " "),
)
# Where an epoch or a sweep takes long, it says now and then how far it is.
_SLOW: Final = re.compile(r"epoch \d+/\d+  step \d+/\d+|\d+ queued, \d+ running, ")
_SECONDS: Final = 600

PROGRAMS: Final = {
    "archkit": f"\"{sys.executable}\" -c 'from archkit.cli import main; main()'",
    "python": f'"{sys.executable}"',
}
"""What the commands of a page find on PATH, each as the line of a shell that starts it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A command on a page.

    Attributes:
        command: as it is typed; lines that a shell would ask for with `> ` are lines of it.
        shown: what the page says it prints, without blanks at the ends of lines.
        span: where what is printed stands in the page.
        varies: whether the figures in it are others in every run.
    """

    command: str
    shown: str
    span: tuple[int, int]
    varies: bool

    def fits(self, printed: str) -> bool:
        """Whether that is what the page shows."""
        if self.varies:
            return _without_figures(self.shown) == _without_figures(printed)
        return _clean(self.shown) == _clean(printed)


def _without_figures(text: str) -> list[str]:
    """The lines without what varies; sorted, since tables are ordered by their figures."""
    lines = [line for line in _clean(text).splitlines() if not _SLOW.match(line)]
    for pattern, instead in _VARIES:
        lines = [re.sub(pattern, instead, line) for line in lines]
    return sorted(line.strip() for line in lines)


def _clean(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def examples(text: str) -> Iterator[Example]:
    """The examples of a page, from its top to its end."""
    for block in _BLOCK.finditer(text):
        if block["file"]:
            body = "\n".join(line.removeprefix("    ") for line in block["lines"].rstrip().splitlines())
            write = f"cat > {block['file']} <<'END OF FILE'\n{body}\nEND OF FILE"
            yield Example(command=write, shown="", span=(block.end(), block.end()), varies=False)
            continue
        at = block.start("lines")
        command: list[str] = []
        begin = at
        printed: list[str] = []
        for line in [*block["lines"].splitlines(keepends=True), "    $ "]:
            inside = line.removeprefix("    ").rstrip("\n")
            if inside.startswith("$ "):
                if command:
                    yield Example(
                        command="\n".join(command),
                        shown=_clean("\n".join(printed)),
                        span=(begin, at),
                        varies=block["varies"] is not None,
                    )
                command, printed = [inside[2:]], []
                begin = at + len(line)
            elif (inside.startswith("> ") or inside == ">") and not printed:
                command.append(inside[2:])
                begin = at + len(line)
            else:
                printed.append(inside)
            at += len(line)


def follow_each_other(page: Path) -> bool:
    """Whether the commands of the page run in one folder, one upon another."""
    return page.parent.name == "tutorials" or page.name == "start.md"


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command by a shell in `folder`, with the `archkit` of this clone and this Python."""
    with tempfile.TemporaryDirectory() as bin_:
        for name, line in PROGRAMS.items():
            program = Path(bin_) / name
            program.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        path = os.pathsep.join((bin_, os.environ["PATH"]))
        where = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PATH": path, "PYTHONPATH": where, "COLUMNS": "120", "NO_COLOR": "1"}
        return subprocess.run(
            ["bash", "-c", command],  # noqa: S607 - found on PATH, as a reader finds it
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def written(page: Path) -> str:
    """The page with what its commands print now."""
    text = page.read_text(encoding="utf-8")
    parts, end = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if follow_each_other(page) else ROOT
        for example in examples(text):
            printed = run(example.command, folder).stdout
            begin, stop = example.span
            parts.append(text[end:begin])
            old = text[begin:stop]
            if not example.fits(printed):
                new = "".join(f"    {line}\n" if line else "\n" for line in _clean(printed).splitlines())
                old = new + ("\n" if text[stop : stop + 6] != "    $ " else "")
            parts.append(old)
            end = stop
    return "".join((*parts, text[end:]))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(written(path.resolve()), encoding="utf-8")
