"""The rows that a table of costs adds to the tables of a skeleton, and the blocks that a space can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from archkit.budget.block_table import MOST, BlockTable
from archkit.count.tables import Bools, Ints, stem_width
from archkit.errors import BudgetError
from archkit.plan.pieces import Piece, sites
from archkit.spec import ArchSpec, SearchSpace
from archkit.spec.space import Combination

__all__ = ["TableRows", "blocks_of_space", "blocks_with_places", "check_total", "table_rows"]

_MOST_BLOCKS: Final = 2_000_000  # of a space, that are looked up or listed one by one


class TableRows(NamedTuple):
    """What a table gives for a skeleton, as `archkit.count.tables` has it of every other figure.

    first: of each stage's first block, P x C; the first stage's has the stem in it.
    other: of a further block, C.
    head: C.
    """

    first: tuple[Ints, ...]
    other: tuple[Ints, ...]
    head: Ints


class _Site(NamedTuple):
    """A place in a skeleton: the piece whose channels are arrays, and at which widths it is."""

    piece: Piece
    where: Bools

    def pieces(self) -> Iterator[tuple[tuple[int, ...], Piece]]:
        """The piece at each of those widths, and the place in the table."""
        c_in = np.broadcast_to(self.piece.channels_in, self.where.shape)
        c = np.broadcast_to(self.piece.channels, self.where.shape)
        at = np.nonzero(self.where)
        places = zip(*(axis.tolist() for axis in at), strict=True)
        for place, a, b in zip(places, c_in[at].tolist(), c[at].tolist(), strict=True):
            yield place, self.piece._replace(channels_in=a, channels=b)


def table_rows(
    table: BlockTable, space: SearchSpace, combination: Combination, stages: int, like: ArchSpec
) -> TableRows:
    """The rows of one skeleton; 0 where no network of the space has such a block.

    Raises:
        BudgetError: the table has no cost for a block that the space can have.
    """
    found: list[Ints] = []
    missing: dict[Piece, None] = {}
    for site in _sites(space, combination, stages, like):
        costs = np.zeros(site.where.shape, dtype=np.int64)
        for place, piece in site.pieces():
            cost = table.cost(piece)
            if cost is None:
                missing[piece._replace(stage=0)] = None
            else:
                costs[place] = cost
        found.append(costs)
    if missing:
        raise table.without(next(iter(missing)), len(missing), str(space))
    head = found.pop()
    if len(found) > 2 * stages:  # the stem stands in the first block of the first stage
        stem = found.pop(0)
        found[0] = found[0] + stem
    return TableRows(first=tuple(found[::2]), other=tuple(found[1::2]), head=head)


def blocks_of_space(space: SearchSpace) -> tuple[Piece, ...]:
    """Every stem, block and head that a network of the space can have, each once, in the order of networks.

    Raises:
        BudgetError: there are too many.
    """
    return tuple(blocks_with_places(space))


def blocks_with_places(space: SearchSpace) -> dict[Piece, tuple[ArchSpec, int]]:
    """The same, each with a network that has it and its stage there, which is 0 of the stem and the head.

    Of that network nothing but the options may be read.

    Raises:
        BudgetError: there are too many.
    """
    found: dict[Piece, tuple[ArchSpec, int]] = {}
    for combination, stages in space.skeletons():
        like = space.frame(combination, stages)
        for site in _sites(space, combination, stages, like):
            for _, piece in site.pieces():
                found.setdefault(piece._replace(stage=0), (like, piece.stage))
    return {piece: found[piece] for piece in sorted(found, key=_order)}


def _order(piece: Piece) -> tuple[Any, ...]:
    """The stem first and the head last; blocks by their map, the largest first."""
    parts = {"stem": 0, "head": 2}
    part = parts.get(piece.part, 1)
    return (part, -piece.rows * piece.columns, piece[2:6], piece.part, piece.options)


def check_total(table: BlockTable, firsts: Sequence[Ints], furthers: Sequence[Ints], head: Ints) -> None:
    """Refuse costs whose sums would not be exact; `furthers` are the most that further blocks can cost.

    Raises:
        BudgetError: a network of the space can cost more than `MOST` units of the last decimal.
    """
    total = int(head.max(initial=0))
    total += sum(int(one.max(initial=0)) for one in (*firsts, *furthers))
    if total <= MOST:
        return
    more, decimals = len(str(total // MOST)), table.decimals
    advice = (
        f"round the costs to {decimals - more} decimals"
        if more <= decimals
        else "give the costs in a larger unit"
    )
    raise BudgetError(
        f"with {decimals} decimals, {table.source} makes the largest network cost {total:,} units of the "
        f"last one, and sums are exact up to {MOST:,}: {advice}"
    )


def _sites(space: SearchSpace, combination: Combination, stages: int, like: ArchSpec) -> Iterator[_Site]:
    """The stem if there is one, the first and a further block of each stage, and the head."""
    by_stage = space.by_stage(stages)
    widths = [np.array(channels.values, dtype=np.int64) for _, channels in by_stage]
    if (pairs := sum(len(a) * len(b) for a, b in pairwise(widths))) > _MOST_BLOCKS:
        raise BudgetError(
            f"this space has {pairs:,} pairs of widths, and so many blocks or more: a table may have "
            f"{_MOST_BLOCKS:,}; coarser steps of width would make them fewer"
        )
    first, further = _reached(space, combination, stages)
    stem = stem_width(like, widths, stem_follows=combination.stem_follows)
    for piece in sites(like, widths, stem):
        if piece.part == "stem":
            yield _Site(piece, first[0])
        elif piece.part == "head":
            yield _Site(piece, np.asarray(first[-1].any(axis=0)))
        else:
            yield _Site(piece, (first if piece.part == "first" else further)[piece.stage - 1])


def _reached(space: SearchSpace, combination: Combination, stages: int) -> tuple[list[Bools], list[Bools]]:
    """For each stage, the pairs of widths, P x C, and the widths of further blocks, C, of any network."""
    possible, by_stage = space.possible(combination, stages), space.by_stage(stages)
    usable, deeper = [], []
    for (blocks, _), may in zip(by_stage, possible.further, strict=True):
        usable.append(may | (1 in (*blocks.values, blocks.open_from)))
        deeper.append(may & (not blocks.finite or blocks.values[-1] > 1))
    pairs = []
    reached: Bools = np.ones(1, dtype=bool)
    for i in range(stages):
        follows = possible.first[i] & usable[i]
        if i:
            follows = follows & space.rises(by_stage[i - 1][1].values, by_stage[i][1].values)
        pairs.append(reached[:, None] & follows)
        reached = np.asarray(pairs[-1].any(axis=0))
    for i in range(stages - 1, 0, -1):  # what leads nowhere is in no network
        pairs[i - 1] = pairs[i - 1] & pairs[i].any(axis=1)
    return pairs, [may & pair.any(axis=0) for may, pair in zip(deeper, pairs, strict=True)]
