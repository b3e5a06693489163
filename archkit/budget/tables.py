"""What every stage of a space can cost, as tables over widths.

A stage of n blocks costs `first_block(c_in, c) + (n - 1) * other_block(c)`, so that two small tables
for each stage hold the cost of every network of a space, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archkit.count.closed import Cost, block_cost, head_cost, stem_cost
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, SearchSpace
from archkit.spec.blocks import out_channels
from archkit.spec.space import Setting

__all__ = ["METRICS", "NO_LIMIT", "Ints", "StageTable", "Tables", "build_tables"]

Ints = NDArray[np.int64]

METRICS: Final = Cost._fields
"""The figures of a cost, in the order of the first axis of every table."""

NO_LIMIT: Final = 2**62
"""Above every figure: the largest network of a space is held to it, so that no sum passes 64 bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTable:
    """One stage. Legend: M metrics, P widths of the stage before, C widths of this one.

    Attributes:
        channels: base widths of this stage, ascending, C.
        blocks: numbers of blocks, ascending, up to the most that the limits leave room for.
        first: cost of the stage's first block, M x P x C; of the first stage, M x 1 x C with the stem.
        other: cost of each further block, M x C.
        allowed: whether a width may follow one of the stage before, P x C.
        most: the most blocks of each width that the limits leave room for, whatever the other
            stages are, C.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    first: Ints
    other: Ints
    allowed: NDArray[np.bool_]
    most: Ints

    @property
    def endings(self) -> int:
        """How many pairs of a width and a number of blocks there are at most."""
        return int(np.searchsorted(np.array(self.blocks), self.most, side="right").sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """All stages of the networks of one setting with one number of stages.

    Attributes:
        setting: the options.
        like: a network of this setting; only its widths and depths differ from the others'.
        stages: one table for each stage.
        head: cost of the head behind each width of the last stage, M x C.
    """

    setting: Setting
    like: ArchSpec
    stages: tuple[StageTable, ...]
    head: Ints


def build_tables(space: SearchSpace, setting: Setting, stages: int, *, high: Ints) -> Tables:
    """The tables of one setting with so many stages.

    Args:
        space: the space.
        setting: one of its settings.
        stages: how many stages.
        high: the upper limit of each metric, M; `NO_LIMIT` where there is none. Where a stage's
            blocks have no upper end, at least one metric must have one.

    Raises:
        BudgetError: the largest network's figures would not fit 64 bits.
    """
    by_stage = space.by_stage(stages)
    channels = [one.values for _, one in by_stage]
    # The depths do not matter to the tables; the deepest finite ones check the width of the figures.
    deepest = tuple(one.values[-1] if one.finite else 1 for one, _ in by_stage)
    like = space.spec(setting, deepest, tuple(c[-1] for c in channels))
    _check_width(like)
    maps = like.maps()
    found = []
    for i in range(stages):
        here = np.array(channels[i], dtype=np.int64)
        if i == 0:
            c_in, allowed = _stem_out(like, setting, here), np.ones((1, len(here)), dtype=bool)
        else:
            before = np.array(channels[i - 1], dtype=np.int64)[:, None]
            c_in = out_channels(like.block[i - 1], before)
            allowed = _allowed(space, before, here)
        first = _first_block(like, i, c_in, here[None, :], maps[i])
        if i == 0:
            first = first + _stem(like, setting, here)[:, None, :]
        out = out_channels(like.block[i], here)
        other = _stacked(block_cost(like, i, out, here, maps[i + 1], project=False, stride=1), here.shape)
        # Every block of every network costs something of each metric.
        room = high[:, None] - np.where(allowed, first, NO_LIMIT).min(axis=1)
        most = np.maximum((room // other).min(axis=0) + 1, 0)
        found.append(
            StageTable(
                channels=channels[i],
                blocks=by_stage[i][0].upto(int(most.max())),
                first=first,
                other=other,
                allowed=allowed,
                most=most,
            )
        )
    last = np.array(channels[-1], dtype=np.int64)
    head = head_cost(like, out_channels(like.block[-1], last), maps[-1])
    return Tables(setting=setting, like=like, stages=tuple(found), head=_stacked(head, last.shape))


def _first_block(like: ArchSpec, stage: int, c_in: Ints, c: Ints, size: tuple[int, int]) -> Ints:
    """M x P x C."""
    stride = like.stride[stage]
    always = stride != 1 or (like.project == "stage" and like.shortcut[stage] != "pad")
    project = (c_in != out_channels(like.block[stage], c)) | always
    cost = block_cost(like, stage, c_in, c, size, project=project, stride=stride)
    return _stacked(cost, np.broadcast_shapes(c_in.shape, c.shape))


def _stem_out(like: ArchSpec, setting: Setting, first: Ints) -> Ints:
    """Channels that the stem puts out for each width of the first stage, 1 x C."""
    if _stem_follows(setting):
        return first[None, :]
    return np.full((1, len(first)), like.stem_out, dtype=np.int64)


def _stem(like: ArchSpec, setting: Setting, first: Ints) -> Ints:
    """Cost of the stem for each width of the first stage, M x C."""
    widths = (first,) if _stem_follows(setting) else like.stem.widths
    return _stacked(stem_cost(like, widths), first.shape)


def _stem_follows(setting: Setting) -> bool:
    """Whether the stem is as wide as the first stage: it is unless the space says otherwise."""
    return all(key != "stem" for key, _ in setting.options)


def _allowed(space: SearchSpace, before: Ints, here: Ints) -> NDArray[np.bool_]:
    if space.order == "any":
        return np.ones(np.broadcast_shapes(before.shape, here[None, :].shape), dtype=bool)
    rises: NDArray[np.bool_] = (
        here[None, :] > before if space.order == "increasing" else here[None, :] >= before
    )
    return rises


def _stacked(cost: Cost, shape: tuple[int, ...]) -> Ints:
    """A cost whose figures are integers or arrays, as one array of M x shape."""
    return np.stack([np.broadcast_to(np.asarray(figure, dtype=np.int64), shape) for figure in cost])


def _check_width(largest: ArchSpec) -> None:
    """The largest network in Python's integers, so that nothing smaller can overflow 64 bits."""
    from archkit.count import totals

    # Three times: a smaller network may have a shortcut conv where the largest has none.
    if 3 * max(totals(largest)) >= NO_LIMIT:
        raise BudgetError(f"the largest network of the space, {largest}, is beyond what 64 bits count")
