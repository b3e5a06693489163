"""What every stage can cost, as tables over widths.

A stage of n blocks costs `first_block(c_in, c) + (n - 1) * other_block(c)`, so that two small tables
for each stage hold the cost of every network of one setting, however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archkit.blocks import draw_block, draw_head, draw_stem
from archkit.count.closed import totals
from archkit.count.pens import Cost, CostPen
from archkit.errors import BudgetError
from archkit.spec import ArchSpec

__all__ = ["CEILING", "METRICS", "Bools", "CostTables", "Ints", "cost_tables", "stem_width"]

_MOST_PAIRS: Final = 20_000_000  # of widths: with them the tables of a space take about 1 GiB

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

METRICS: Final = Cost._fields
"""The figures of a cost, in the order of the first axis of every table."""

CEILING: Final = 2**62
"""Above every figure: the largest network is held to it, so that no sum passes 64 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CostTables:
    """The costs of all networks that differ from one only in widths and depths.

    Legend: M metrics, P widths of the stage before, C widths of the stage.

    Attributes:
        first: of each stage, the cost of its first block, M x P x C; of the first stage M x 1 x C,
            with the stem.
        other: of each stage, the cost of a further block, M x C.
        head: of the head behind each width of the last stage, M x C.
    """

    first: tuple[Ints, ...]
    other: tuple[Ints, ...]
    head: Ints


# A table also has pairs of widths that no network has, such as one that leaves no group of channels.
@np.errstate(divide="ignore")
def cost_tables(like: ArchSpec, widths: Sequence[Ints], *, stem_follows: bool) -> CostTables:
    """The tables for the widths of each stage.

    Args:
        like: a network as wide and as deep as any that the tables are used for.
        widths: base widths of each stage.
        stem_follows: whether the stem is as wide as the first stage, or as `like`'s.

    Raises:
        BudgetError: the figures of `like` would not fit 64 bits, or there are too many widths.
    """
    # In Python's integers. Three times, since a smaller network may have a shortcut conv where this one
    # has none.
    if 3 * max(totals(like)) >= CEILING:
        raise BudgetError(f"the largest network, {like}, is beyond what 64 bits count")
    pairs = sum(len(a) * len(b) for a, b in pairwise(widths))
    if pairs > _MOST_PAIRS:
        raise BudgetError(
            f"what a stage costs depends on the width before it, and this space has {pairs:,} pairs of "
            f"widths: tables take {_MOST_PAIRS:,}; coarser steps of width would make them fewer"
        )
    parts = like.parts
    pen = CostPen(*like.input)
    draw_stem(pen, parts.stem, stem_width(like, widths, stem_follows=stem_follows))
    stem = pen.cost
    first, other = [], []
    for i, (setting, c) in enumerate(zip(parts.stages, widths, strict=True)):
        c_in = pen.c[:, None] if i else pen.c
        pen = CostPen(c_in, pen.h, pen.w)
        draw_block(pen, setting, c, parts.strides[i], first=True)
        if getattr(pen.c, "ndim", 1) > 1:
            raise BudgetError(
                f"what leaves stage {i + 1} depends on the width of the stage before: no tables"
            )
        here = _stacked(pen.start_again(), (len(widths[i - 1]) if i else 1, len(c)))
        first.append(here if i else here + _stacked(stem, c.shape)[:, None, :])
        draw_block(pen, setting, c, 1, first=False)
        other.append(_stacked(pen.cost, c.shape))
    pen = CostPen(pen.c, pen.h, pen.w)
    draw_head(pen, parts.head, like.classes)
    return CostTables(first=tuple(first), other=tuple(other), head=_stacked(pen.cost, widths[-1].shape))


def stem_width(like: ArchSpec, widths: Sequence[Ints], *, stem_follows: bool) -> Ints | int:
    """The stem's width: of each width of the first stage where it follows that, or `like`'s."""
    found: Ints | int = widths[0] if stem_follows else like.stem.width
    return found


def _stacked(cost: Cost, shape: tuple[int, ...]) -> Ints:
    """A cost whose figures are integers or arrays, as one array of M x shape."""
    return np.stack([np.broadcast_to(np.asarray(figure, dtype=np.int64), shape) for figure in cost])
