"""The stages of a space as tables: their widths, their blocks, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archkit.count.tables import METRICS, NO_LIMIT, Ints, cost_tables
from archkit.spec import ArchSpec, SearchSpace
from archkit.spec.space import Setting

__all__ = ["METRICS", "NO_LIMIT", "Ints", "StageTable", "Tables", "build_tables", "stem_out"]


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
    # Where a stage has no upper end the limits bound its figures, and its depth does not matter here.
    deepest = tuple(one.values[-1] if one.finite else 1 for one, _ in by_stage)
    like = space.spec(setting, deepest, tuple(c[-1] for c in channels))
    widths = [np.array(values, dtype=np.int64) for values in channels]
    costs = cost_tables(like, widths, stem_follows=_stem_follows(setting))
    found = []
    for i, here in enumerate(widths):
        allowed = _allowed(space, widths[i - 1][:, None], here) if i else np.ones((1, len(here)), dtype=bool)
        # Every block of every network costs something of each metric.
        room = high[:, None] - np.where(allowed, costs.first[i], NO_LIMIT).min(axis=1)
        most = np.maximum((room // costs.other[i]).min(axis=0) + 1, 0)
        found.append(
            StageTable(
                channels=channels[i],
                blocks=by_stage[i][0].upto(int(most.max())),
                first=costs.first[i],
                other=costs.other[i],
                allowed=allowed,
                most=most,
            )
        )
    return Tables(setting=setting, like=like, stages=tuple(found), head=costs.head)


def stem_out(tables: Tables) -> Ints:
    """Channels that the stem puts out for each width of the first stage, 1 x C."""
    here = np.array(tables.stages[0].channels, dtype=np.int64)
    if _stem_follows(tables.setting):
        return here[None, :]
    return np.full((1, len(here)), tables.like.stem_out, dtype=np.int64)


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
