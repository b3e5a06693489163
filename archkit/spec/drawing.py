"""A whole network, drawn with any pen: the stem, every block of every stage, the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archkit.blocks import FAMILIES, Pen, draw_head, draw_stem

if TYPE_CHECKING:
    from archkit.spec.arch import ArchSpec

__all__ = ["draw_block", "head", "stem"]


def stem(pen: Pen, spec: ArchSpec) -> None:
    """Draws the stem of a network."""
    draw_stem(pen, spec.parts.stem, spec.stem.width)


def draw_block(pen: Pen, setting: Any, c: Any, stride: int, *, first: bool) -> None:
    """Draws one block.

    Args:
        pen: at what enters it.
        setting: of its stage: one of `ArchSpec.parts.stages`.
        c: base width.
        stride: of the block: 1 but in the first one of a stage.
        first: whether it is the first one of its stage.
    """
    FAMILIES[setting.block].draw(pen, setting, c, stride, first)


def head(pen: Pen, spec: ArchSpec) -> None:
    """Draws the head of a network."""
    draw_head(pen, spec.parts.head, spec.classes)
