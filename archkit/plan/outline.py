"""`outline`: the plan of all networks that differ from one only in widths and depths.

A stage's blocks are of two sorts, its first and the further ones, so that an outline has one of each. Its
channels are integer arrays: every width that a stage may have, against every width of the stage before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archkit.blocks import draw_block, draw_head, draw_stem
from archkit.plan.pen import PlanPen
from archkit.plan.tree import Node
from archkit.spec import ArchSpec

__all__ = ["Outline", "StageOutline", "outline"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StageOutline:
    """A stage. Legend: P widths of the stage before, C widths of this one; or integers.

    Attributes:
        entered: (c, h, w) of what enters the first block; c is P x 1, or what the stem puts out.
        first: the first block where its channels stay, so that nothing but a stride puts anything on its
            shortcut; channels are P x 1, 1 x C or P x C.
        projected: the first block where they change.
        other: a further block; channels are C.
        out: (c, h, w) of what leaves; c is C.
    """

    entered: tuple[Any, Any, Any]
    first: tuple[Node, ...]
    projected: tuple[Node, ...]
    other: tuple[Node, ...]
    out: tuple[Any, Any, Any]

    @property
    def changes(self) -> Any:
        """Whether the channels change in the first block: of each pair of widths, P x C."""
        return self.entered[0] != self.out[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """A stem, stages and a head."""

    stem: tuple[Node, ...]
    stages: tuple[StageOutline, ...]
    head: tuple[Node, ...]


def outline(like: ArchSpec, widths: Sequence[Any] | None = None, *, stem_width: Any = None) -> Outline:
    """The outline of networks like one.

    Args:
        like: what is not a width or a depth is read off it.
        widths: base widths of each stage, C integers each; `like`'s own unless given.
        stem_width: of the stem, an integer or C integers as the first stage has; `like`'s unless given.
    """
    parts = like.parts
    c, h, w = like.input
    pen = PlanPen(c, h, w, "stem")
    draw_stem(pen, parts.stem, like.stem.width if stem_width is None else stem_width)
    stem = tuple(pen.nodes)
    stages = []
    for i, setting in enumerate(parts.stages):
        c = like.channels[i] if widths is None else widths[i]
        entered = pen.c if i == 0 or widths is None else pen.c[:, None]
        drawn = []
        for changes in (False, True):
            pen_ = PlanPen(entered, pen.h, pen.w, f"stage{i + 1}.block1", changes=changes)
            draw_block(pen_, setting, c, parts.strides[i], first=True)
            drawn.append(tuple(pen_.nodes))
        before = (entered, pen.h, pen.w)
        pen = PlanPen(pen_.c, pen_.h, pen_.w, f"stage{i + 1}.block2", changes=False)
        draw_block(pen, setting, c, 1, first=False)
        stages.append(
            StageOutline(
                entered=before,
                first=drawn[0],
                projected=drawn[1],
                other=tuple(pen.nodes),
                out=(pen.c, pen.h, pen.w),
            )
        )
    pen = PlanPen(pen.c, pen.h, pen.w, "head")
    draw_head(pen, parts.head, like.classes)
    return Outline(stem=stem, stages=tuple(stages), head=tuple(pen.nodes))
