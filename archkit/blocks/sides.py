"""Kernels and paddings: one number where rows and columns have the same, a pair where they differ."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Sides", "alike", "both", "by_sides"]

Sides: TypeAlias = int | tuple[int, int]
"""A number for rows and columns, or the rows and the columns; two that are equal are written as one."""


def both(sides: Any) -> tuple[Any, Any]:
    """Rows and columns: of `3` 3 and 3, of `(10, 4)` 10 and 4."""
    return sides if isinstance(sides, tuple) else (sides, sides)


def alike(rows: int, columns: int) -> Sides:
    """The two as they are written: one number where they are equal."""
    return rows if rows == columns else (rows, columns)


def by_sides(sides: Sides) -> str:
    """As people write it: `3x3`, `10x4`."""
    rows, columns = both(sides)
    return f"{rows}x{columns}"
