"""Writes the tables of the pages that are made from the code: `python docs/tables.py`.

The options of docs/language.md, from their rows in archkit/spec/options.py, and its families with the options
that each takes. A test holds the page to them.
"""

from __future__ import annotations

from pathlib import Path

from archkit.blocks import FAMILIES
from archkit.spec.options import options

PAGE = Path(__file__).with_name("language.md")
BEGIN, END = "<!-- options: python docs/tables.py writes them -->\n", "<!-- end of options -->\n"
FAMILIES_BEGIN = "<!-- families: python docs/tables.py writes them -->\n"
FAMILIES_END = "<!-- end of families -->\n"


def options_table() -> str:
    """A row for each option."""
    lines = ["| key | values, the default first | what it says |", "|---|---|---|"]
    for key, row in options().items():
        shown = row.values.shown() if row.shown is None else row.shown
        lines.append(
            f"| `{key}` | {shown}{'; or a list' * (row.by_stage and not row.list_only)} | {row.says} |"
        )
    return "\n".join(lines) + "\n"


def families_table() -> str:
    """A row for each set of options, with the families that take it."""
    takers: dict[frozenset[str], list[str]] = {}
    for name, family in FAMILIES.items():
        takers.setdefault(family.option_keys, []).append(name)
    lines = ["| `block=` | options that it takes | source |", "|---|---|---|"]
    for taken, names in takers.items():
        sources = "; ".join(dict.fromkeys(FAMILIES[name].source for name in names))
        keys = " ".join(f"`{key}`" for key in options() if key in taken)
        lines.append(f"| {' '.join(f'`{name}`' for name in names)} | {keys} | {sources} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with the tables as they are now."""
    for begin, end, table in (
        (BEGIN, END, options_table()),
        (FAMILIES_BEGIN, FAMILIES_END, families_table()),
    ):
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}{table}{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
