"""A block as it is drawn: its layers as bars whose widths are to scale, its shortcut, what each is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from archkit.drawing.canvas import Canvas, Colour
from archkit.drawing.measure import text_width
from archkit.drawing.rows import Bar, Join, Row, Shortcut, Split
from archkit.drawing.view import Run

__all__ = [
    "ARROW",
    "NO_SHORTCUT",
    "PILL",
    "Columns",
    "block_height",
    "columns_of",
    "draw_block",
    "draw_cut",
    "draw_mark",
]

_PITCH: Final = 18.0  # from one row to the next
_BAR: Final = 10.0  # how high a layer's bar is
_LINE: Final = 13.0  # from one line of a label to the next
_LABEL: Final = 11.0  # size of its font
_TOP: Final = 12.0
_BOTTOM: Final = 7.0
_LANE: Final = 9.0  # from one shortcut to the one around it
_GAP: Final = 8.0
_THINNEST: Final = 1.0  # a layer of few channels is still seen
PILL: Final = 9.0  # room below a block for the number of its like
ARROW: Final = 1.5  # how thick the way through the network is
NO_SHORTCUT: Final = "no shortcut"


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What the blocks of a drawing have in common, so that they stand below each other.

    Attributes:
        lanes: room to the left of the bars, for shortcuts.
        bars: room for the widest bar.
        labels: room for the longest label.
        widest: channels of the widest bar; one of still more channels is cut off, and is seen to be.
    """

    lanes: float
    bars: float
    labels: float
    widest: int

    @property
    def axis(self) -> float:
        """Where the middle of the bars is, from a block's left edge."""
        return self.lanes + self.bars / 2

    @property
    def width(self) -> float:
        """Of a block."""
        return self.lanes + self.bars + _GAP + self.labels + _GAP

    def bar(self, channels: int) -> float:
        """How long the bar of so many channels is."""
        return min(self.bars, max(_THINNEST, self.bars * channels / self.widest))


def columns_of(runs: Iterable[Run], *, widest: int, least: float) -> Columns:
    """The columns for some blocks.

    Args:
        runs: the blocks.
        widest: the most channels of a bar.
        least: how wide a block is at least; what is left over makes the bars longer.
    """
    every = [row for run in runs for row in run.rows]
    depth = max((row.depth + 1 for row in every if isinstance(row, Join)), default=0)
    labels = max(text_width(line, _LABEL) for row in every for line in (*_labels(row), NO_SHORTCUT))
    lanes = 10 + _LANE * max(1, depth)
    bars = max(76.0, least - lanes - 2 * _GAP - labels)
    return Columns(lanes=lanes, bars=bars, labels=labels, widest=widest)


def _labels(row: Row) -> tuple[str, ...]:
    if isinstance(row, Bar):
        return (row.label,)
    return row.labels if isinstance(row, Join) else ()


def _height(row: Row) -> float:
    return 0 if isinstance(row, Split) else _PITCH + _LINE * (len(_labels(row)) - 1)


def block_height(run: Run, *, may_add: bool) -> float:
    """How high a block is, without what is below it.

    Args:
        run: the block.
        may_add: whether it is one of a stage: then it is said where there is no shortcut.
    """
    return _TOP + sum(map(_height, run.rows)) + (_PITCH if may_add and _alone(run) else 0) + _BOTTOM


def _alone(run: Run) -> bool:
    return not any(isinstance(row, Join) for row in run.rows)


def draw_block(canvas: Canvas, run: Run, x: float, y: float, columns: Columns, *, may_add: bool) -> None:
    """Draws a block, with its like behind it, at its upper left corner."""
    width, height = columns.width, block_height(run, may_add=may_add)
    for behind in (6, 3, 0) if run.times > 2 else (3, 0) if run.times > 1 else (0,):
        canvas.rect(
            x + behind,
            y + behind,
            width - 6,
            height,
            "back",
            stroke="line",
            radius=5,
            kind="block" * (not behind),
        )
    axis = x + columns.axis
    _draw_flow(canvas, run, axis, y, columns)
    at, tops = y + _TOP, list[float]()
    for row in run.rows:
        middle = at + _PITCH / 2
        if isinstance(row, Split):
            tops.append(at - 3)
        elif isinstance(row, Bar):
            _draw_bar(canvas, row, axis, middle, columns)
        else:
            _draw_shortcut(canvas, row, axis, (tops.pop(), middle), columns)
        for i, line in enumerate(_labels(row)):
            canvas.text(
                x + columns.width - columns.labels - _GAP,
                middle + _LINE * i,
                line,
                "short" if isinstance(row, Join) and row.shortcut != "identity" else "ink",
                size=_LABEL,
            )
        at += _height(row)
    if may_add and _alone(run):
        canvas.text(
            x + columns.width - columns.labels - _GAP, at + _PITCH / 2, NO_SHORTCUT, "soft", size=_LABEL
        )
    if run.times > 1:
        _draw_pill(canvas, f"x {run.times:,}", x + width - 6, y + height + 2)


def _draw_pill(canvas: Canvas, text: str, right: float, middle: float) -> None:
    """How many a block stands for, across its lower edge."""
    wide = text_width(text, _LABEL, bold=True) + 12
    canvas.rect(right - wide, middle - 8, wide, 16, "ink", radius=8)
    canvas.text(right - wide / 2, middle, text, "back", size=_LABEL, bold=True, anchor="middle", kind="times")


def _draw_flow(canvas: Canvas, run: Run, axis: float, y: float, columns: Columns) -> None:
    """The way through the block, behind its bars: as wide as the map between two of them."""
    at, before = y + _TOP, None
    height = sum(map(_height, run.rows)) + _TOP + _BOTTOM
    canvas.line([(axis, y), (axis, y + height)], "flow", width=3)
    for row in run.rows:
        if isinstance(row, Bar):
            half = columns.bar(row.width) / 2
            if before is not None:
                low, wide = before
                top = at + (_PITCH - _BAR) / 2
                canvas.polygon(
                    [(axis - wide, low), (axis + wide, low), (axis + half, top), (axis - half, top)], "flow"
                )
            before = at + (_PITCH + _BAR) / 2, half
        elif isinstance(row, Join):
            before = None
        at += _height(row)


def _draw_bar(canvas: Canvas, bar: Bar, axis: float, middle: float, columns: Columns) -> None:
    wide = columns.bar(bar.width)
    left, top = axis - wide / 2, middle - _BAR / 2
    if bar.shape == "gate":
        canvas.rect(left, middle - 2, wide, 4, "gate", radius=2, kind="bar")
    elif bar.shape == "pool":
        canvas.rect(left, middle - 2, wide, 4, "flow", stroke="layer", kind="bar")
    elif bar.shape == "grouped":
        canvas.rect(left, top, wide, _BAR, "back", stroke="layer", radius=1, kind="bar")
    else:
        canvas.rect(left, top, wide, _BAR, "layer", radius=1, kind="bar")
    if bar.width > columns.widest:
        draw_cut(canvas, left + wide - 12, top, _BAR)


def draw_cut(canvas: Canvas, x: float, y: float, height: float) -> None:
    """Two slits through a bar: it is cut off."""
    for left in (x, x + 5):
        slit = [(left + 2, y - 1), (left + 4, y - 1), (left + 2, y + height + 1), (left, y + height + 1)]
        canvas.polygon(slit, "back")


def _draw_shortcut(
    canvas: Canvas, join: Join, axis: float, ends: tuple[float, float], columns: Columns
) -> None:
    top, middle = ends
    lane = axis - columns.bars / 2 - _LANE * (join.depth + 1) + 2
    colour: Colour = "ink" if join.shortcut == "identity" else "short"
    points = [(axis, top), (lane, top), (lane, middle), (axis - 5, middle)]
    canvas.line(points, colour, width=ARROW, dashed=join.shortcut == "padding")
    draw_mark(canvas, join.shortcut, lane, (top + middle) / 2)
    canvas.circle(axis, middle, 5, "back", colour)
    canvas.line([(axis - 3, middle), (axis + 3, middle)], colour, width=1)
    canvas.line([(axis, middle - 3), (axis, middle + 3)], colour, width=1)


def draw_mark(canvas: Canvas, shortcut: Shortcut, x: float, y: float) -> None:
    """What stands on a shortcut that is not the identity: a conv is a full box, a pooling an empty one."""
    if shortcut == "projection":
        canvas.rect(x - 3.5, y - 5, 7, 10, "short", radius=1, kind="projection")
    elif shortcut == "pooling":
        canvas.rect(x - 3.5, y - 5, 7, 10, "back", stroke="short", radius=1, kind="pooling")
