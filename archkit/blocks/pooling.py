"""Anti-aliasing: the pooling that halves a map in place of a conv's stride."""

from __future__ import annotations

from archkit.blocks.pen import Pen

__all__ = ["anti_alias", "halve"]


def anti_alias(pen: Pen, aa: str) -> None:
    """Halves the map: averages of 2x2 (the floor), or a blur (the ceiling).

    Blurring reflects the map at its edges, which takes two rows and two columns, or sees zeros there.
    """
    for size in (pen.h, pen.w):
        pen.need(size >= 2, "aa={aa} needs maps of at least 2x2", "aa", aa=aa)
    if aa == "avg":
        pen.pool("aa", "avg_pool", 2, 2)
    elif aa == "blur":
        pen.pool("aa", "blur_pool", 3, 2, 1)
    else:
        pen.zeros("aa_pad", 1)
        pen.pool("aa", "blur_pool", 3, 2)


def halve(pen: Pen, aa: str) -> None:
    """Halves a map that a sum takes on one side: as `anti_alias`, where no odd row is dropped."""
    if aa == "avg":
        for size in (pen.h, pen.w):
            pen.need(size % 2 == 0, "aa=avg needs maps of an even height and width", "aa")
    anti_alias(pen, aa)
