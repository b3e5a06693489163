"""What the tables of the figures are written with: cells, and the files that hold what was measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["Table", "about", "read", "table"]

Table = Sequence[Sequence[str]]


def table(heads: Sequence[str], rows: Table, *, right: Sequence[str] = ()) -> str:
    """In Markdown; the columns `right` are numbers."""
    rule = ["---:" if head in right else "---" for head in heads]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def about(value: float) -> str:
    """Three digits, or all of a whole number that has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
