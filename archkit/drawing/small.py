"""`small`: a network in a few lines, for a place beside a pointer.

A line each for the stem, every stage and the head: its number of blocks, the layers of the first one as bars
to scale, its shortcut, the shape of what leaves, and what share of the network's parameters, MACs and memory.
Small drawings of similar networks differ in their numbers alone, so that thousands of them can be kept as a
few texts with gaps, and the numbers (`with_gaps`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from archkit.drawing.canvas import Canvas, Colour
from archkit.drawing.rows import Bar, Join
from archkit.drawing.view import METRICS, NetworkView, PartView, shape_text, share

__all__ = ["Gaps", "small", "with_gaps"]

_WIDTH: Final = 346.0
_HEAD: Final = 18.0
_LINE: Final = 36.0  # of a part, at least
_BAR: Final = 5.0  # how high a layer's bar is
_PITCH: Final = 7.0
_MOST: Final = 6  # layers of a block that are drawn
_AXIS: Final = 138.0
_HALF: Final = 46.0  # of the widest bar
_THINNEST: Final = 0.5
_SHARES: Final = (204.0, 254.0, 296.0)  # where the bars of shares begin
_LONG: Final = 36.0
_WORDS: Final = ("params", "MACs", "memory")
_COLOURS: Final[tuple[Colour, ...]] = ("params", "macs", "memory")


def small(view: NetworkView) -> str:
    """A network's small drawing, as an SVG document."""
    canvas = Canvas()
    for word, colour, x in zip(_WORDS, _COLOURS, _SHARES, strict=True):
        canvas.text(x, _HEAD / 2, word, colour, size=10, bold=True)
    canvas.text(_AXIS, _HEAD / 2, shape_text(view.spec.input), "soft", size=10, anchor="middle")
    y = _HEAD
    for i, part in enumerate(view.parts):
        high = _height(part)
        if i:
            canvas.line([(0, y), (_WIDTH, y)], "line", width=0.5)
        _draw_part(canvas, part, view, y, high)
        y += high
    return canvas.svg(_WIDTH, y, title="drawing", description="", dark=True)


def _bars(part: PartView) -> list[Bar]:
    return [row for row in part.runs[0].rows if isinstance(row, Bar)][:_MOST] if part.runs else []


def _height(part: PartView) -> float:
    return max(_LINE, _PITCH * len(_bars(part)) + 20)


def _draw_part(canvas: Canvas, part: PartView, view: NetworkView, y: float, high: float) -> None:
    bars, middle = _bars(part), y + high / 2
    canvas.text(0, middle - (6 if part.blocks else 0), part.name, size=11, bold=True)
    if part.blocks:
        canvas.text(0, middle + 8, f"x {part.blocks}", "soft", size=10)
    top = middle - (_PITCH * len(bars) + 12) / 2
    joins = [row for row in part.runs[0].rows if isinstance(row, Join)]
    if joins and bars:
        way: Colour = "ink" if joins[0].shortcut == "identity" else "short"
        side = _AXIS - _HALF - 6
        low = top + _PITCH * len(bars) - 1
        canvas.line([(side + 5, top - 1), (side, top - 1), (side, low), (side + 5, low)], way, width=1.2)
    for i, bar in enumerate(bars):
        half = max(_THINNEST, _HALF * min(1.0, bar.width / view.widest))
        at, filled = top + _PITCH * i, bar.shape == "dense"
        colour: Colour = "gate" if bar.shape == "gate" else "layer" if filled else "back"
        canvas.rect(
            _AXIS - half,
            at,
            2 * half,
            _BAR,
            colour,
            stroke=None if filled or bar.shape == "gate" else "layer",
            kind="bar",
        )
    canvas.text(
        _AXIS,
        top + _PITCH * len(bars) + 8,
        shape_text(part.out),
        "soft",
        size=10,
        anchor="middle",
        kind="shape",
    )
    for metric, paint, x in zip(METRICS, _COLOURS, _SHARES, strict=True):
        value, total = getattr(part.figures, metric), getattr(view.total, metric)
        canvas.text(x, middle - 5, share(value, total), size=10, kind=f"share {metric}")
        canvas.rect(x, middle + 4, _LONG, 5, "flow", kind="track")
        canvas.rect(x, middle + 4, _LONG * value / max(1, total), 5, paint, kind=metric)


class Gaps(NamedTuple):
    """Drawings as a few texts with gaps, and what fills them.

    texts: for each, what stands between its gaps: one more than there are gaps.
    numbers: for each drawing, in order: which text it has, and then what fills the gaps.
    """

    texts: list[list[str]]
    numbers: list[list[int | float | str]]


_NUMBER: Final = re.compile(r"((?:&lt;)?\d+(?:\.\d+)?)")  # a share may be written `<0.1`


def with_gaps(drawings: Iterable[str]) -> Gaps:
    """Drawings taken apart; `texts[n][0] + number + texts[n][1] + ...` is each again.

    >>> with_gaps(['<rect x="1" y="2"/>', '<rect x="1" y="3.5"/>'])
    Gaps(texts=[['<rect x="1" y="', '"/>']], numbers=[[0, 2], [0, 3.5]])
    """
    taken = [_NUMBER.split(one) for one in drawings]
    alike: dict[tuple[str, ...], list[int]] = {}
    for at, pieces in enumerate(taken):
        alike.setdefault(tuple(pieces[::2]), []).append(at)
    texts: list[list[str]] = []
    numbers: list[list[int | float | str]] = [[] for _ in taken]
    for number, (between, members) in enumerate(alike.items()):
        columns = list(zip(*(taken[at][1::2] for at in members), strict=True))
        gaps = [len(set(column)) > 1 for column in columns]
        text = [between[0]]
        for column, gap, after in zip(columns, gaps, between[1:], strict=True):
            if gap:
                text.append(after)
            else:
                text[-1] += column[0] + after
        texts.append(text)
        for row, at in enumerate(members):
            filled = (column[row] for column, gap in zip(columns, gaps, strict=True) if gap)
            numbers[at] = [number, *map(_value, filled)]
    return Gaps(texts, numbers)


def _value(text: str) -> int | float | str:
    """A number if it is written as JSON and JavaScript write it, and the text otherwise."""
    if text.isdigit():
        return int(text) if str(int(text)) == text else text
    if text.startswith("&") or text.endswith(".0") or repr(float(text)) != text:
        return text
    return float(text)
