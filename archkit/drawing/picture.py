"""`draw`: networks side by side on one scale, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archkit.drawing.canvas import Canvas
from archkit.drawing.card import Look, card_height, draw_card, head_height, look_of
from archkit.drawing.files import check_ending, write_picture
from archkit.drawing.legend import draw_legend
from archkit.drawing.view import Figures, NetworkView, shape_text, view
from archkit.errors import OutputError
from archkit.spec import ArchSpec

__all__ = ["Drawing", "draw"]

_MARGIN: Final = 12.0
_BETWEEN: Final = 28.0  # two networks
_ABREAST: Final = 4
_MOST: Final = 24  # networks


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """Networks as a picture. Make one with `draw`.

    Attributes:
        views: what is shown of each network.
        width: how wide it may be, in pixels; networks that have no room stand below the others. None puts
            four side by side.
    """

    views: tuple[NetworkView, ...]
    width: float | None = None

    @property
    def svg(self) -> str:
        """The picture as an SVG document, dark where a browser asks for dark pages; always the same bytes."""
        return self.to_svg()

    def to_svg(self, *, dark: bool = True) -> str:
        """The picture as an SVG document.

        Args:
            dark: whether a browser that wants dark pages gets dark colours.
        """
        look = look_of(self.views)
        canvas = Canvas()
        lines = self._lines(look)
        most = max(map(len, lines))
        width = 2 * _MARGIN + most * look.width + (most - 1) * _BETWEEN
        back = Canvas()
        y = _MARGIN
        for line in lines:
            head = max(head_height(one, look) for one in line)
            for i, one in enumerate(line):
                draw_card(canvas, one, _MARGIN + i * (look.width + _BETWEEN), y, look, head=head)
            y += max(card_height(one, head) for one in line) + _MARGIN
        y = draw_legend(canvas, self.views, (_MARGIN, width - _MARGIN), y) + _MARGIN
        back.rect(0, 0, width, y, "back")
        back.add(canvas)
        names = ", ".join(one.name for one in self.views)
        return back.svg(width, y, title=names, description=" ".join(map(_described, self.views)), dark=dark)

    def save(self, path: Path | str) -> None:
        """Writes the picture to a file that ends in .svg, .png or .pdf; one that is there is replaced.

        PNG and PDF are light, whatever the screen is. They need the package cairosvg.

        Raises:
            OutputError: the name ends otherwise, or the file cannot be written.
            ModuleNotFoundError: cairosvg is needed and not installed.
        """
        path = Path(path)
        write_picture(self.to_svg(dark=check_ending(path) == ".svg"), path)

    def _lines(self, look: Look) -> list[tuple[NetworkView, ...]]:
        """The networks that stand side by side, line for line."""
        each = _ABREAST
        if self.width is not None:
            each = max(1, int((self.width - 2 * _MARGIN + _BETWEEN) // (look.width + _BETWEEN)))
        return [self.views[i : i + each] for i in range(0, len(self.views), each)]

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Drawing({', '.join(repr(one.name) for one in self.views)})"


def draw(
    *networks: ArchSpec | str, names: Sequence[str] | None = None, width: float | None = None
) -> Drawing:
    """Networks as a picture: their stages and blocks, and where their parameters, MACs and memory are.

    >>> drawing = draw("resnet10", "[9,9,8,8]x[32,32,80,160]")
    >>> drawing.svg[:4], [one.name for one in drawing.views]
    ('<svg', ['resnet10', '[9,9,8,8]x[32,32,80,160]'])

    Args:
        networks: specs or their texts, side by side on one scale.
        names: what to call them; as they were typed if none are given.
        width: how wide the picture may be, in pixels; those that have no room stand below the others. If it
            is not given, four stand side by side.

    Raises:
        SpecError: a text is no network.
        OutputError: there is none, or too many, or not as many names as networks.
    """
    if not 1 <= len(networks) <= _MOST:
        raise OutputError(f"a drawing has 1 to {_MOST} networks, not {len(networks)}")
    if names is not None and len(names) != len(networks):
        raise OutputError(f"{len(names)} names for {len(networks)} networks")
    called: Sequence[str | None] = names or [None] * len(networks)
    views = tuple(view(one, name) for one, name in zip(networks, called, strict=True))
    return Drawing(views=views, width=width)


def _described(one: NetworkView) -> str:
    """A network in words, for those who cannot see it."""
    said = [f"{one.spec}: {_figures(one.total)}."]
    for part in one.parts:
        blocks = f", {part.blocks:,} block{'s' * (part.blocks > 1)}" if part.blocks else ""
        said.append(f"{part.name}{blocks}, then {shape_text(part.out)}: {_figures(part.figures)}.")
    return " ".join(said)


def _figures(of: Figures) -> str:
    return f"{of.params:,} parameters, {of.macs:,} MACs, {of.memory:,} bytes of activation memory"
