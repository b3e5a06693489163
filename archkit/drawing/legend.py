"""What the marks of a drawing mean: those that occur in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from archkit.drawing.block import draw_cut, draw_mark
from archkit.drawing.canvas import Canvas, Colour
from archkit.drawing.measure import text_width
from archkit.drawing.rows import Bar, BarShape, Join, Shortcut
from archkit.drawing.view import NetworkView

__all__ = ["draw_legend"]

_LINE: Final = 18.0
_SIZE: Final = 11.0
_MARK: Final = 16.0
_GAP: Final = 16.0

_BARS: Final[dict[BarShape, str]] = {
    "dense": "conv or linear layer, as wide as its channels",
    "grouped": "conv in groups (g32: 32 groups; dw: depthwise)",
    "pool": "pooling",
    "gate": "channel gate",
}
_SHORTCUTS: Final[dict[Shortcut, str]] = {
    "identity": "shortcut: identity",
    "projection": "shortcut: projection",
    "padding": "shortcut: zeros added",
    "pooling": "shortcut: pooling",
}

_Mark = Callable[[Canvas, float, float], None]


def draw_legend(canvas: Canvas, views: Sequence[NetworkView], ends: tuple[float, float], y: float) -> float:
    """Draws it below a rule at height `y`, between two ends, and returns where it stops."""
    left, right = ends
    canvas.line([(left, y), (right, y)], "line", width=1)
    x, y = left, y + _LINE / 2 + 8
    for text, mark in _entries(views):
        room = (_MARK + 6 if mark else 0) + text_width(text, _SIZE)
        if x > left and x + room > right:
            x, y = left, y + _LINE
        if mark is not None:
            mark(canvas, x, y)
        canvas.text(x + (_MARK + 6 if mark else 0), y, text, "soft", size=_SIZE)
        x += room + _GAP
    return y + _LINE / 2


def _entries(views: Sequence[NetworkView]) -> list[tuple[str, _Mark | None]]:
    rows = [row for one in views for row in one.rows]
    bars = [row for row in rows if isinstance(row, Bar)]
    joins = [row for row in rows if isinstance(row, Join)]
    shapes, shortcuts = {row.shape for row in bars}, {row.shortcut for row in joins}
    found: list[tuple[str, _Mark | None]] = [
        (text, _bar_mark(shape)) for shape, text in _BARS.items() if shape in shapes
    ]
    if max(row.width for row in bars) > max(one.widest for one in views):
        found.append(("cut off: wider than it is drawn", _cut_mark))
    found += [(text, _shortcut_mark(one)) for one, text in _SHORTCUTS.items() if one in shortcuts]
    if any("/2" in label for label in (*(row.label for row in bars), *(joins and joins[0].labels))):
        found.append(("/2: stride 2", None))
    if any(" d2" in row.label for row in bars):
        found.append(("d2: dilation 2", None))
    full = "all of the network" if len(views) == 1 else "the most that one of the networks has"
    found.append((f"full length of a coloured bar: {full}", None))
    found.append(("memory: what training keeps of one image in float32", None))
    return found


def _bar_mark(shape: BarShape) -> _Mark:
    def mark(canvas: Canvas, x: float, y: float) -> None:
        if shape == "gate":
            canvas.rect(x, y - 2, _MARK, 4, "gate", radius=2)
        elif shape == "pool":
            canvas.rect(x, y - 2, _MARK, 4, "flow", stroke="layer")
        elif shape == "grouped":
            canvas.rect(x, y - 5, _MARK, 10, "back", stroke="layer", radius=1)
        else:
            canvas.rect(x, y - 5, _MARK, 10, "layer", radius=1)

    return mark


def _cut_mark(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y - 5, _MARK, 10, "layer", radius=1)
    draw_cut(canvas, x + 4, y - 5, 10)


def _shortcut_mark(shortcut: Shortcut) -> _Mark:
    def mark(canvas: Canvas, x: float, y: float) -> None:
        colour: Colour = "ink" if shortcut == "identity" else "short"
        canvas.line([(x, y), (x + _MARK, y)], colour, dashed=shortcut == "padding")
        draw_mark(canvas, shortcut, x + _MARK / 2, y)

    return mark
