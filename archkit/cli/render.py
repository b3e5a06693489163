"""What the commands share in showing things: numbers, tables, JSON lines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["exact", "json_line", "new_table", "say", "show"]


def exact(n: int) -> str:
    """An integer with its thousands set apart: 4,977,226."""
    return f"{n:,}"


def json_line(value: Any) -> None:
    """Writes one JSON object on a line of its own to standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """Writes a line to standard error, at once: what is no result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def new_table(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """A table with a rule under its head; the columns named in `right` are set to the right."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        show_edge=False,
    )
    for name in columns:
        numeric = name in right
        table.add_column(
            name,
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
            header_style="bold",
        )
    return table


def show(*what: Any) -> None:
    """Prints rich renderables to standard output; into a pipe, as wide as they are."""
    from rich.console import Console

    # Rich takes a pipe for a terminal of 80 columns and would fold what a script wants whole.
    width = None if sys.stdout.isatty() else 1_000
    console = Console(
        file=sys.stdout,
        width=width,
        soft_wrap=width is not None,
        highlight=False,
        markup=False,  # a spec is full of square brackets
        emoji=False,
    )
    for item in what:
        console.print(item)
