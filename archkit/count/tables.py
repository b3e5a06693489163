"""What every stage can cost, as tables over widths.

A stage of n blocks costs `first_block(c_in, c) + (n - 1) * other_block(c)`, so that two small tables
for each stage hold the cost of every network of one setting, however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archkit.count.closed import Cost, block_cost, head_cost, stem_cost, totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec
from archkit.spec.blocks import out_channels

__all__ = ["METRICS", "NO_LIMIT", "CostTables", "Ints", "cost_tables", "projections"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

METRICS: Final = Cost._fields
"""The figures of a cost, in the order of the first axis of every table."""

NO_LIMIT: Final = 2**62
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


def cost_tables(like: ArchSpec, widths: Sequence[Ints], *, stem_follows: bool) -> CostTables:
    """The tables for the widths of each stage.

    Args:
        like: a network as wide and as deep as any that the tables are used for.
        widths: base widths of each stage.
        stem_follows: whether the stem is as wide as the first stage, or as `like`'s.

    Raises:
        BudgetError: the figures of `like` would not fit 64 bits.
    """
    # In Python's integers. Three times, since a smaller network may have a shortcut conv where this one
    # has none.
    if 3 * max(totals(like)) >= NO_LIMIT:
        raise BudgetError(f"the largest network, {like}, is beyond what 64 bits count")
    maps = like.maps()
    first, other = [], []
    for i, here in enumerate(widths):
        c_in = _entering(like, widths, i, stem_follows=stem_follows)
        projects = projections(like, widths, i, stem_follows=stem_follows)
        cost = _first_block(like, i, c_in, here[None, :], maps[i], projects)
        if i == 0:
            stem = stem_cost(like, (here,) if stem_follows else like.stem.widths)
            cost = cost + _stacked(stem, here.shape)[:, None, :]
        first.append(cost)
        out = out_channels(like.block[i], here)
        block = block_cost(like, i, out, here, maps[i + 1], project=False, stride=1)
        other.append(_stacked(block, here.shape))
    head = head_cost(like, out_channels(like.block[-1], widths[-1]), maps[-1])
    return CostTables(first=tuple(first), other=tuple(other), head=_stacked(head, widths[-1].shape))


def projections(like: ArchSpec, widths: Sequence[Ints], stage: int, *, stem_follows: bool) -> Bools:
    """Whether something stands on the shortcut of a stage's first block, P x C; 1 x C of the first stage."""
    always = like.stride[stage] != 1 or (like.project == "stage" and like.shortcut[stage] != "pad")
    out = out_channels(like.block[stage], widths[stage][None, :])
    found: Bools = (_entering(like, widths, stage, stem_follows=stem_follows) != out) | always
    return found


def _entering(like: ArchSpec, widths: Sequence[Ints], stage: int, *, stem_follows: bool) -> Ints:
    """Channels that enter a stage: P x 1 for the widths before it, 1 x C for the first stage."""
    here = widths[stage]
    if stage:
        found: Ints = out_channels(like.block[stage - 1], widths[stage - 1][:, None])
        return found
    return here[None, :] if stem_follows else np.full((1, len(here)), like.stem_out, dtype=np.int64)


def _first_block(
    like: ArchSpec, stage: int, c_in: Ints, c: Ints, size: tuple[int, int], project: Bools
) -> Ints:
    """M x P x C."""
    cost = block_cost(like, stage, c_in, c, size, project=project, stride=like.stride[stage])
    return _stacked(cost, np.broadcast_shapes(c_in.shape, c.shape))


def _stacked(cost: Cost, shape: tuple[int, ...]) -> Ints:
    """A cost whose figures are integers or arrays, as one array of M x shape."""
    return np.stack([np.broadcast_to(np.asarray(figure, dtype=np.int64), shape) for figure in cost])
