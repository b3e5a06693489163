"""One network as it is drawn: its name, what it costs, and its parts below each other, each with its bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archkit.drawing.block import ARROW, PILL, Columns, block_height, columns_of, draw_block
from archkit.drawing.canvas import Canvas, Colour
from archkit.drawing.measure import text_width, wrapped
from archkit.drawing.view import METRICS, Figures, NetworkView, PartView, shape_text, share

__all__ = ["WORDS", "Look", "card_height", "draw_card", "head_height", "look_of"]

WORDS: Final = {"params": "parameters", "macs": "MACs", "memory": "memory"}
"""What stands beside a bar."""

_NARROW: Final = 400.0  # of a drawing of one network: it fills a telephone, and its text stays legible there
_PAD: Final = 10.0
_GAP: Final = 14.0  # between the blocks and the bars
_HEAD: Final = 24.0  # of a part: its name
_ARROW: Final = 26.0  # between two parts
_METRIC: Final = 28.0  # a bar and what stands over it
_BAR: Final = 7.0
_NAME: Final = 15.0  # sizes of fonts
_SMALL: Final = 11.0
_TITLE: Final = 12.0
_SHARE: Final = text_width("<0.1%", _SMALL, bold=True) + 5
_NAME_LINE: Final = 20.0
_SMALL_LINE: Final = 16.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the networks of a drawing share, so that they can be compared.

    Attributes:
        columns: of the blocks.
        bars: how long the bar of the greatest total is.
        most: that total, of each metric.
    """

    columns: Columns
    bars: float
    most: Figures

    @property
    def width(self) -> float:
        """Of a network."""
        return _PAD + self.columns.width + _GAP + self.bars + _PAD

    @property
    def axis(self) -> float:
        """Where the way through a network runs, from its left edge."""
        return _PAD + self.columns.axis


def look_of(views: Sequence[NetworkView]) -> Look:
    """The one scale of several networks."""
    most = Figures(**{name: max(1, *(getattr(v.total, name) for v in views)) for name in METRICS})
    parts = [part for v in views for part in v.parts]
    bars = max(
        text_width(f"{WORDS[name]}  {_figure(part.figures, name)}", _SMALL) + _SHARE
        for part in parts
        for name in METRICS
    )
    runs = [run for part in parts for run in part.runs]
    least = _NARROW - 2 * _PAD - _GAP - bars
    columns = columns_of(runs, widest=max(v.widest for v in views), least=least)
    return Look(columns=columns, bars=bars, most=most)


def _figure(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    return f"{value:,} B" if name == "memory" else f"{value:,}"


def _share(figures: Figures, total: Figures, name: str) -> str:
    return share(getattr(figures, name), getattr(total, name))


def _names(view: NetworkView, look: Look) -> tuple[list[str], list[str]]:
    """The lines of a network's name, and those of its spec if that says more."""
    spec = str(view.spec)
    return (
        wrapped(view.name, _NAME, look.width, bold=True),
        [] if view.name == spec else wrapped(spec, _SMALL, look.width),
    )


def head_height(view: NetworkView, look: Look) -> float:
    """Of what stands over a network's parts."""
    name, spec = _names(view, look)
    return _NAME_LINE * len(name) + _SMALL_LINE * len(spec) + _SMALL_LINE * len(METRICS) + 8


def _part_height(part: PartView) -> float:
    blocks = sum(block_height(run, may_add=part.blocks > 0) + _below(run.times) for run in part.runs)
    return max(_HEAD + blocks + 4, _METRIC * len(METRICS) + 16)


def _below(times: int) -> float:
    return 6 + PILL * (times > 1)


def card_height(view: NetworkView, head: float) -> float:
    """Of a network, under a head of this height."""
    return head + _ARROW + sum(_part_height(part) + _ARROW for part in view.parts) + 4


def draw_card(canvas: Canvas, view: NetworkView, x: float, y: float, look: Look, *, head: float) -> None:
    """Draws a network at its upper left corner, under a head of a height."""
    with canvas.group(str(view.spec), "network"):
        _draw_head(canvas, view, x, y, look)
        y += head
        _draw_arrow(canvas, shape_text(view.spec.input), x + look.axis, y)
        y += _ARROW
        for part in view.parts:
            with canvas.group(_said(part, view.total), "part"):
                _draw_part(canvas, part, view.total, x, y, look)
            y += _part_height(part)
            _draw_arrow(canvas, shape_text(part.out), x + look.axis, y)
            y += _ARROW


def _said(part: PartView, total: Figures) -> str:
    """What is shown when someone points at a part."""
    figures = part.figures
    words = {"params": "parameters", "macs": "MACs", "memory": "bytes of activation memory"}
    said = (f"{getattr(figures, name):,} {words[name]} ({_share(figures, total, name)})" for name in METRICS)
    return f"{part.name}: {', '.join(said)}"


def _draw_head(canvas: Canvas, view: NetworkView, x: float, y: float, look: Look) -> None:
    name, spec = _names(view, look)
    for line in name:
        canvas.text(x, y + _NAME_LINE / 2, line, size=_NAME, bold=True, kind="name")
        y += _NAME_LINE
    for line in spec:
        canvas.text(x, y + _SMALL_LINE / 2, line, "soft", size=_SMALL, kind="spec")
        y += _SMALL_LINE
    said = {"params": "parameters", "macs": "MACs for one image", "memory": "bytes of activation memory"}
    for metric in METRICS:
        canvas.rect(x, y + 3.5, 10, 9, _colour(metric), radius=2)
        figure = f"{getattr(view.total, metric):,}"
        at = (
            x
            + 16
            + canvas.text(x + 16, y + _SMALL_LINE / 2, figure, size=_SMALL, bold=True, kind=f"total {metric}")
        )
        canvas.text(at + 5, y + _SMALL_LINE / 2, said[metric], "soft", size=_SMALL)
        y += _SMALL_LINE


def _colour(metric: str) -> Colour:
    colours: dict[str, Colour] = {"params": "params", "macs": "macs", "memory": "memory"}
    return colours[metric]


def _draw_arrow(canvas: Canvas, shape: str, x: float, y: float) -> None:
    """From one part to the next, with the shape of the map that goes there."""
    end = y + _ARROW - 2
    canvas.line([(x, y + 2), (x, end - 5)], "soft", width=ARROW)
    canvas.polygon([(x - 4, end - 6), (x + 4, end - 6), (x, end)], "soft")
    canvas.text(x + 12, y + _ARROW / 2, shape, "soft", size=_SMALL, kind="shape")


def _draw_part(canvas: Canvas, part: PartView, total: Figures, x: float, y: float, look: Look) -> None:
    canvas.rect(x, y, look.width, _part_height(part), "panel", stroke="line", radius=8, kind="panel")
    left = x + _PAD
    wide = canvas.text(left, y + 13, part.name, size=_TITLE, bold=True, kind="title")
    if part.blocks:
        blocks = f"{part.blocks:,} block{'s' * (part.blocks > 1)}"
        canvas.text(left + wide + 6, y + 13, blocks, "soft", size=_SMALL)
    at = y + _HEAD
    for i, run in enumerate(part.runs):
        height = block_height(run, may_add=part.blocks > 0)
        draw_block(canvas, run, left, at, look.columns, may_add=part.blocks > 0)
        at += height
        if i + 1 < len(part.runs):
            canvas.line([(x + look.axis, at), (x + look.axis, at + _below(run.times))], "soft", width=ARROW)
        at += _below(run.times)
    _draw_bars(canvas, part.figures, total, left + look.columns.width + _GAP, y + 8, look)


def _draw_bars(canvas: Canvas, figures: Figures, total: Figures, x: float, y: float, look: Look) -> None:
    for metric in METRICS:
        value, most = getattr(figures, metric), getattr(look.most, metric)
        middle, right = y + 7, x + look.bars
        canvas.text(x, middle, WORDS[metric], "soft", size=_SMALL)
        part = _share(figures, total, metric)
        canvas.text(right, middle, part, size=_SMALL, bold=True, anchor="end", kind=f"share {metric}")
        canvas.text(
            right - _SHARE,
            middle,
            _figure(figures, metric),
            size=_SMALL,
            anchor="end",
            kind=f"figure {metric}",
        )
        canvas.rect(x, y + 16, look.bars, _BAR, "flow", radius=2, kind="track")
        if value:
            long = look.bars * value / most
            canvas.rect(
                x, y + 16, max(0.5, long), _BAR, _colour(metric), radius=min(2, long / 2), kind=metric
            )
        y += _METRIC
