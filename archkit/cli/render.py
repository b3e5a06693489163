"""How the commands print: numbers, tables, JSON lines."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.table import Table

__all__ = ["counted_networks", "exact", "json_line", "new_table", "say", "show"]


def exact(n: int | Decimal) -> str:
    """A number with its thousands set apart: 4,977,226."""
    return f"{n:,}"


def counted_networks(n: int) -> str:
    """So many networks: 1 network, 4,977 networks."""
    return f"{exact(n)} network{'' if n == 1 else 's'}"


def json_line(value: Any) -> None:
    """Write one JSON object to standard output, on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")


def say(text: str) -> None:
    """Write a message to standard error at once; results go to standard output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def new_table(*columns: str, right: tuple[str, ...] = (), title: str | None = None) -> Table:
    """A table with a rule under its head; the columns named in `right` are aligned to the right."""
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
    """Print rich renderables to standard output; a pipe gets them at their full width."""
    from rich.console import Console

    # Rich takes a pipe for a terminal of 80 columns and would fold lines that a script wants whole.
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
