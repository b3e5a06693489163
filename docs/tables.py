"""Writes the tables of the pages that are made from the code: `python docs/tables.py`.

The options of docs/language.md, from their rows in archkit/spec/options.py. A test holds the page to them.
"""

from __future__ import annotations

from pathlib import Path

from archkit.spec.options import options

PAGE = Path(__file__).with_name("language.md")
BEGIN, END = "<!-- options: python docs/tables.py writes them -->\n", "<!-- end of options -->\n"


def options_table() -> str:
    """A row for each option."""
    lines = ["| key | values, the default first | what it says |", "|---|---|---|"]
    for key, row in options().items():
        shown = row.values.shown() if row.shown is None else row.shown
        lines.append(
            f"| `{key}` | {shown}{'; or a list' * (row.by_stage and not row.list_only)} | {row.says} |"
        )
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{options_table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
