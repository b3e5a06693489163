"""Which widths a drawing allows, as tables: whether a width may follow another, and may have further blocks.

What a single network is asked (`archkit.spec.checks`) is asked here of all widths of a space at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archkit.blocks import Draw, draw_block, draw_head, draw_stem
from archkit.spec.checks import NeedsPen, draw_further, something_is_asked
from archkit.spec.parts import Parts

__all__ = ["Possible", "possible_widths"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Possible(NamedTuple):
    """What the language allows of each stage. Legend: P widths of the stage before, C widths of this one.

    first: whether a stage of a width may follow one of another, P x C; of the first stage 1 x C.
    further: whether a stage of a width may have more than one block, C.
    """

    first: tuple[Bools, ...]
    further: tuple[Bools, ...]


def possible_widths(
    parts: Parts, widths: Sequence[Ints], stem_width: Ints | int, image: tuple[int, int, int], classes: int
) -> Possible:
    """What the drawings of a network's parts allow of the widths of each stage.

    Args:
        parts: what the drawings read.
        widths: base widths of each stage.
        stem_width: of each width of the first stage, or of all of them.
        image: channels, height and width.
        classes: of the head.
    """
    shapes = [(len(widths[i - 1]) if i else 1, len(here)) for i, here in enumerate(widths)]
    if not something_is_asked(parts):
        return Possible(
            first=tuple(np.ones(shape, dtype=bool) for shape in shapes),
            further=tuple(np.ones(len(here), dtype=bool) for here in widths),
        )
    pen = _MaskPen(*image)
    draw_stem(pen, parts.stem, stem_width)
    asked: Any = pen.possible
    first, further = [], []
    # A table also has widths that nothing allows: groups of no channels, and so on.
    with np.errstate(divide="ignore", invalid="ignore"):
        for i, (setting, c, shape) in enumerate(zip(parts.stages, widths, shapes, strict=True)):
            draw = _first_or_further(setting, parts.strides[i])
            pen = _MaskPen(pen.c[:, None] if i else pen.c, pen.h, pen.w)
            draw(pen, c, True)
            # The stem is as wide as the first stage, or the same for all of its widths.
            first.append(np.broadcast_to(pen.possible & asked if not i else pen.possible, shape))
            # A block whose map depends on the width before it is refused by the tables of costs.
            pen = _MaskPen(pen.c if getattr(pen.c, "ndim", 1) == 1 else c, pen.h, pen.w)
            draw_further(pen, draw, c)
            further.append(np.broadcast_to(pen.possible, (len(c),)))
        pen = _MaskPen(pen.c, pen.h, pen.w)
        draw_head(pen, parts.head, classes)
    first[-1] = first[-1] & pen.possible
    return Possible(first=tuple(first), further=tuple(further))


def _first_or_further(setting: Any, stride: int) -> Callable[[Any, Any, bool], None]:
    def draw(pen: Any, c: Any, first: bool) -> None:
        draw_block(pen, setting, c, stride if first else 1, first=first)

    return draw


class _MaskPen(NeedsPen):
    """Notes for which widths everything that is asked is so.

    Attributes:
        possible: True, or an array that says it of each width.
    """

    __slots__ = ("_where", "possible")

    def __init__(self, c: Any, h: Any, w: Any) -> None:
        super().__init__(c, h, w)
        self._where: Any = True
        self.possible: Any = np.True_

    def need(self, condition: Any, reason: str, option: str, **values: Any) -> None:
        holds = np.asarray(condition, dtype=bool)
        self.possible = self.possible & (holds if self._where is True else holds | ~self._where)

    def beside(self, name: str, draw: Draw, *, where: Any) -> None:
        """Draws a branch, and asks what it needs only of the widths at which it stands."""
        outside = self._where
        if where is not True:
            self._where = np.asarray(where, dtype=bool) & outside
        draw(self)
        self._where = outside
