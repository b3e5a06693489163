"""A sheet to draw on, which becomes SVG: no library is needed for the few marks of a drawing.

A colour is given by its name. The light value stands in the mark itself, so that any program shows it; a
style sheet gives the dark one to a browser that wants it, except on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Final, Literal, TypeAlias

from archkit.drawing.measure import text_width

__all__ = ["COLOURS", "Canvas", "Colour", "number"]

Colour: TypeAlias = Literal[
    "back", "panel", "ink", "soft", "line", "params", "macs", "memory", "layer", "flow", "gate", "short"
]

# Those of the report's page (archkit/bench/report/page/page.css): light, dark.
COLOURS: Final[dict[Colour, tuple[str, str]]] = {
    "back": ("#ffffff", "#14171b"),
    "panel": ("#f6f7f9", "#1d2126"),
    "ink": ("#1b1f24", "#e8eaed"),
    "soft": ("#57606a", "#a3acb7"),
    "line": ("#d5dae0", "#3a424c"),
    "params": ("#1f6fb4", "#6cb6ff"),
    "macs": ("#c2500a", "#ff9a57"),
    "memory": ("#08805a", "#4fd6a2"),
    "layer": ("#4b5563", "#aab4c0"),
    "flow": ("#e3e7ec", "#2c333b"),
    "gate": ("#776200", "#e0c04c"),
    "short": ("#a8407f", "#f08cc4"),
}
_FONT: Final = "system-ui, sans-serif"


def number(value: float) -> str:
    """A coordinate with two decimals at most: the same text on every machine.

    >>> number(3.0), number(0.125), number(-0.001)
    ('3', '0.12', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Canvas:
    """Marks in the order in which they are drawn."""

    def __init__(self) -> None:
        self._marks: list[str] = []
        self._used: set[tuple[str, Colour]] = set()

    @contextmanager
    def group(self, title: str, kind: str) -> Iterator[None]:
        """What is drawn inside belongs together; `title` is shown when someone points at it."""
        self._marks.append(f'<g class="{kind}"><title>{escape(title, quote=False)}</title>')
        yield
        self._marks.append("</g>")

    def add(self, other: Canvas) -> None:
        """Puts what is drawn on another canvas over what is drawn here."""
        self._marks += other._marks
        self._used |= other._used

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: Colour,
        *,
        stroke: Colour | None = None,
        radius: float = 0,
        kind: str = "",
        dashed: bool = False,
    ) -> None:
        """A rectangle; `kind` is a further class, by which a reader of the file finds it."""
        place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
        round_ = f' rx="{number(radius)}"' if radius else ""
        dashes = ' stroke-dasharray="3 2"' if dashed else ""
        self._marks.append(f"<rect {place}{round_}{self._paint(fill, stroke, kind)}{dashes}/>")

    def polygon(self, points: Sequence[tuple[float, float]], fill: Colour) -> None:
        """A filled polygon."""
        text = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._marks.append(f'<polygon points="{text}"{self._paint(fill, None, "")}/>')

    def line(
        self,
        points: Sequence[tuple[float, float]],
        stroke: Colour,
        *,
        width: float = 1.5,
        dashed: bool = False,
    ) -> None:
        """A line through points."""
        text = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        dashes = ' stroke-dasharray="3 3"' if dashed else ""
        paint = self._paint(None, stroke, "", width)
        self._marks.append(f'<polyline points="{text}"{paint}{dashes} stroke-linejoin="round"/>')

    def circle(self, x: float, y: float, radius: float, fill: Colour, stroke: Colour) -> None:
        """A circle with an edge."""
        place = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
        self._marks.append(f"<circle {place}{self._paint(fill, stroke, '')}/>")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: Colour = "ink",
        *,
        size: float = 11,
        bold: bool = False,
        anchor: Literal["start", "middle", "end"] = "start",
        kind: str = "",
    ) -> float:
        """A line of text whose middle is at height `y`; returns the most room that it takes."""
        # A font's capitals are some 0.72 of its size: half of that is below the middle.
        place = f'x="{number(x)}" y="{number(y + 0.36 * size)}" font-size="{number(size)}"'
        weight = ' font-weight="bold"' if bold else ""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        paint = self._paint(colour, None, kind)
        self._marks.append(f"<text {place}{weight}{where}{paint}>{escape(text, quote=False)}</text>")
        return text_width(text, size, bold=bold)

    def svg(self, width: float, height: float, *, title: str, description: str, dark: bool) -> str:
        """The whole as an SVG document.

        Args:
            width: of the sheet, in pixels.
            height: of the sheet.
            title: what a screen reader says it is, in a few words.
            description: the same in full.
            dark: whether a browser that wants dark pages gets dark colours.
        """
        size = f'width="{number(width)}" height="{number(height)}"'
        box = f'viewBox="0 0 {number(width)} {number(height)}"'
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" class="archkit" {size} {box} role="img"'
                f' font-family="{_FONT}">',
                f"<title>{escape(title, quote=False)}</title>",
                f"<desc>{escape(description, quote=False)}</desc>",
                *([self._style()] if dark else []),
                *self._marks,
                "</svg>\n",
            )
        )

    def _style(self) -> str:
        rules = "".join(
            f".archkit .{what[0]}-{colour}{{{what}:{COLOURS[colour][1]}}}"
            for what, colour in sorted(self._used)
        )
        narrow = "svg.archkit{max-width:100%;height:auto}"
        return f"<style>{narrow}@media screen and (prefers-color-scheme: dark){{{rules}}}</style>"

    def _paint(self, fill: Colour | None, stroke: Colour | None, kind: str, width: float = 1) -> str:
        classes = [kind] if kind else []
        found = ""
        for what, colour in (("fill", fill), ("stroke", stroke)):
            if colour is not None:
                self._used.add((what, colour))
                classes.append(f"{what[0]}-{colour}")
                found += f' {what}="{COLOURS[colour][0]}"'
            elif what == "fill":
                found += ' fill="none"'
        if stroke is not None and width != 1:
            found += f' stroke-width="{number(width)}"'
        return f' class="{" ".join(classes)}"{found}'
