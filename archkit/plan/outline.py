"""`outline`: the plan of all networks that differ from one only in widths and depths.

All further blocks of a stage are alike, so an outline has a stage's first block and one further block. Its
channels are integer arrays: every width that a stage may have, against every width of the stage before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from archkit.blocks import Pen, draw_block, draw_head, draw_stem
from archkit.plan.pen import PlanPen
from archkit.plan.tree import Node
from archkit.spec import ArchSpec, as_spec

__all__ = ["Case", "Outline", "StageOutline", "outline"]


class Case(NamedTuple):
    """A block as it is for some of the widths; its cases together hold for all.

    where: for which widths: True for all, or a truth value for each width or pair of widths.
    nodes: of the block.
    """

    where: Any
    nodes: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StageOutline:
    """A stage. Legend: P widths of the stage before, C widths of this one; or integers.

    Whether a residual has the identity on its shortcut depends on the widths, hence the cases.

    Attributes:
        entered: (c, h, w) of what enters the first block; c is P x 1, or what the stem puts out.
        first: the cases of the first block; channels are P x 1, 1 x C or P x C.
        other: the cases of a further block; channels are C.
        out: (c, h, w) of what leaves; c is C.
    """

    entered: tuple[Any, Any, Any]
    first: tuple[Case, ...]
    other: tuple[Case, ...]
    out: tuple[Any, Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """A stem, stages and a head."""

    stem: tuple[Node, ...]
    stages: tuple[StageOutline, ...]
    head: tuple[Node, ...]


def outline(like: ArchSpec | str, widths: Sequence[Any] | None = None, *, stem_width: Any = None) -> Outline:
    """The outline of networks like one.

    Args:
        like: everything except widths and depths is read off it.
        widths: base widths of each stage, C integers each; `like`'s own if none are given.
        stem_width: of the stem, an integer or C integers as the first stage has; `like`'s if none is given.
    """
    like = as_spec(like)
    parts = like.parts
    c, h, w = like.input
    pen = PlanPen(c, h, w, "stem")
    draw_stem(pen, parts.stem, like.stem.width if stem_width is None else stem_width)
    stem, here = tuple(pen.nodes), (pen.c, pen.h, pen.w)
    stages = []
    for i, setting in enumerate(parts.stages):
        c = like.channels[i] if widths is None else widths[i]
        if i and widths is not None:
            here = (here[0][:, None], here[1], here[2])
        entered = here

        def first(pen: Pen, at: Any = setting, c: Any = c, stride: int = parts.strides[i]) -> None:
            draw_block(pen, at, c, stride, first=True)

        def other(pen: Pen, at: Any = setting, c: Any = c) -> None:
            draw_block(pen, at, c, 1, first=False)

        firsts, here = _cases(first, entered, f"stage{i + 1}.block1")
        others, here = _cases(other, here, f"stage{i + 1}.block2")
        stages.append(StageOutline(entered=entered, first=firsts, other=others, out=here))
    pen = PlanPen(*here, "head")
    draw_head(pen, parts.head, like.classes)
    return Outline(stem=stem, stages=tuple(stages), head=tuple(pen.nodes))


def _cases(
    draw: Callable[[Pen], None], entered: tuple[Any, Any, Any], prefix: str
) -> tuple[tuple[Case, ...], tuple[Any, Any, Any]]:
    """The cases of a block, and the map that leaves it in each of them."""
    found: list[Case] = []
    ahead: list[tuple[bool, ...]] = [()]
    while ahead:
        pen = _CasePen(entered, prefix, ahead.pop())
        draw(pen)
        found.append(Case(pen.where, tuple(pen.nodes)))
        # Every question that this drawing was the first to ask has another answer, to be drawn too.
        ahead.extend((*pen.answers[:n], not pen.answers[n]) for n in range(pen.given, len(pen.answers)))
    return tuple(found), (pen.c, pen.h, pen.w)


class _CasePen(PlanPen):
    """Draws one case: where some widths change in a residual and some do not, it takes one side.

    Args:
        entered: the map that it stands at.
        prefix: of the layers' names.
        answers: whether they change, for the first such residuals; in further ones they do not.

    Attributes:
        answers: those, and the answers for the further ones.
        given: how many it was given.
        where: the widths for which all of that is so.
    """

    __slots__ = ("_asked", "answers", "given", "where")

    def __init__(self, entered: tuple[Any, Any, Any], prefix: str, answers: tuple[bool, ...]) -> None:
        super().__init__(*entered, prefix)
        self.answers, self.given = answers, len(answers)
        self.where: Any = True
        self._asked = 0

    def differ(self, c: Any, other: Any) -> bool:
        """Whether the channels differ, of the widths of this case."""
        found = super().differ(c, other)
        if isinstance(found, bool):
            return found
        here = found & self.where
        if not here.any():
            return False
        if not (~found & self.where).any():
            return True
        if self._asked == len(self.answers):
            self.answers = (*self.answers, False)
        answer = self.answers[self._asked]
        self._asked += 1
        self.where = here if answer else ~found & self.where
        return answer
