"""Writes the tables of docs/language.md, which are made from the code: `python docs/tables.py`.

The families with the options that each takes; and a row for each option: those of every network, those that
several families share, and those that the families of one file in archkit/blocks have alone. A test holds the
page to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from archkit.blocks import FAMILIES, takers
from archkit.spec.options import options

PAGE = Path(__file__).with_name("language.md")
END = "<!-- end of table -->\n"
EVERY, SHARED = "every network", "several families"


def begin(name: str) -> str:
    """The line before a table."""
    return f"<!-- {name}: python docs/tables.py writes this table -->\n"


def file_of(family: str) -> str:
    """The file that draws a family."""
    return FAMILIES[family].draw.__module__.rpartition(".")[2]


def place_of(key: str) -> str:
    """The table that an option stands in."""
    files = {file_of(family.name) for family in takers(key)}
    return EVERY if not files else SHARED if len(files) > 1 else files.pop()


def families_table() -> str:
    """A row for each family."""
    lines = ["| `block=` | options that it takes | source |", "|---|---|---|"]
    for name, family in FAMILIES.items():
        keys = " ".join(f"`{key}`" for key in options() if key in family.option_keys)
        lines.append(f"| `{name}` | {keys} | {family.source} |")
    return "\n".join(lines) + "\n"


def options_table(place: str) -> str:
    """A row for each option that stands in a table."""
    column = place != EVERY
    lines = [f"| key |{' families |' * column} values, the default first | what it says |"]
    lines.append("|---" * (3 + column) + "|")
    for key, row in options().items():
        if place_of(key) == place:
            values = row.values.shown() if row.shown is None else row.shown
            values += "; or a list" * (row.by_stage and not row.list_only)
            lines.append(f"| `{key}` |{f' {_names(key, place)} |' * column} {values} | {row.says} |")
    return "\n".join(lines) + "\n"


def _names(key: str, place: str) -> str:
    """The families that take an option, in few words."""
    among = [name for name in FAMILIES if place == SHARED or file_of(name) == place]
    taken = [family.name for family in takers(key)]
    others = [name for name in among if name not in taken]
    if not others:
        return "all" if len(among) > 1 else _listed(taken)
    return f"all but {_listed(others)}" if len(others) < len(taken) else _listed(taken)


def _listed(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def tables() -> Iterator[tuple[str, str]]:
    """Every table, by its name."""
    yield "families", families_table()
    for place in dict.fromkeys((EVERY, SHARED, *map(place_of, options()))):
        yield place, options_table(place)


def written(page: str) -> str:
    """The page with the tables as they are now."""
    for name, table in tables():
        before, found, rest = page.partition(begin(name))
        if not found:
            raise ValueError(f"docs/language.md has no place for the table {name!r}: {begin(name).strip()}")
        page = f"{before}{found}{table}{END}{rest.partition(END)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
