"""docs/export.md: its commands in their order, what they print, and the lines of the file that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from archkit.export import FORMATS
from tests.conftest import Cli

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:^    .*\n|^\n(?=\n?    ))+", re.MULTILINE)
# Digits that depend on the machine and on torch's version.
LOOSE = re.compile(r"(?<=difference )[\d.e-]+|(?<=logit )[\d.e+-]+|[\d,]+(?= bytes)|(?<=opset )\d+")


def lines(text: str) -> list[str]:
    return [re.sub(LOOSE, "#", line.rstrip()) for line in text.strip("\n").splitlines() if line.strip()]


def test_the_commands_print_what_the_page_shows(cli: Cli, tmp_path: Path) -> None:
    block = [line.removeprefix("    ") for found in BLOCK.finditer(PAGE) for line in found[0].splitlines()]
    at = 0
    ran = []
    while at < len(block):
        line, at = block[at], at + 1
        if not line.startswith("archkit "):
            continue
        done = cli(*shlex.split(line)[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        ran.append(shlex.split(line)[1])
        shown = []
        while at < len(block) and re.match(
            r"$|network |weights |format |takes |compared |written |  ", block[at]
        ):
            shown.append(block[at])
            at += 1
        if any(map(str.strip, shown)):
            assert lines(done.stdout) == lines("\n".join(shown))
    assert ran == ["export", "bench", "export", "eval"]
    excerpt = PAGE.partition("These are lines of `resnet.py`:\n\n")[2].partition("\nIts docstring")[0]
    assert "".join(re.sub(r"(?m)^    ", "", excerpt)).strip() in (tmp_path / "resnet.py").read_text()


def test_the_table_has_every_format() -> None:
    found = re.findall(r"^\| `([\w-]+)` \| `(\.\w+)` \|", PAGE, re.MULTILINE)
    assert found == [(row.name, row.suffix) for row in FORMATS.values()]
