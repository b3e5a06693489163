"""Values as HTML tables, for notebooks: what `_repr_html_` of a value returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["html_table"]


def html_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    caption: str | None = None,
    notes: Iterable[str] = (),
    total: bool = False,
) -> str:
    """A table; whole numbers have their thousands set apart, and numbers stand to the right.

    >>> html_table(("part", "MACs"), [("stem & head", 1774592)])[-84:]
    'stem &amp; head</td><td style="text-align:right">1,774,592</td></tr></tbody></table>'

    Args:
        heads: of the columns.
        rows: a value for each column; texts are escaped.
        caption: stands over the table.
        notes: a line each, below the table.
        total: whether the last row sums the others up, and is bold.
    """
    lines = [[_cell(value) for value in row] for row in rows]
    if total and lines:
        lines[-1] = [(f"<b>{text}</b>", side) for text, side in lines[-1]]
    # A column's head stands where its figures do.
    sides = [lines[0][at][1] if lines and heads[at] else "left" for at in range(len(heads))]
    head = "".join(
        f'<th style="text-align:{side}">{escape(name)}</th>' for name, side in zip(heads, sides, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_data, line))}</tr>" for line in lines)
    over = f"<caption>{escape(caption)}</caption>" if caption else ""
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table>{over}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _data(cell: tuple[str, str]) -> str:
    text, side = cell
    return f'<td style="text-align:{side}">{text}</td>'


def _cell(value: Any) -> tuple[str, str]:
    """A value as HTML, and on which side of its column it stands."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value], "left"
    if isinstance(value, int):
        return f"{value:,}", "right"
    if isinstance(value, float):
        return (f"{value:,.2f}" if abs(value) >= 1_000 else f"{value:.4f}"), "right"
    text = str(value)
    return escape(text), "right" if text.endswith("%") else "left"
