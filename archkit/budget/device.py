"""What the blocks of a skeleton take under TensorFlow Lite Micro at least, as tables over widths.

The arena and the flash of a network are no sums over its blocks, so that limits on them are kept in two
steps: these tables rule out what cannot fit, and `keeps_on_device` looks at each of the others. Both together
are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from archkit.budget.limits import Budget
from archkit.budget.table_rows import TableRows
from archkit.count.metrics import ARENA, FLASH
from archkit.count.tables import CEILING, Bools, Ints
from archkit.count.tflm import OWN_TAIL, Least, least_of, lower
from archkit.plan import Case, Outline, layout
from archkit.spec import ArchSpec

__all__ = ["DeviceTables", "device_tables"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceTables:
    """Legend: P widths of the stage before, C widths of the stage; 1 x C for the first stage, with the stem.

    Attributes:
        channels: base widths of each stage, ascending, C.
        head: the most bytes of maps alive at once in each stage's first block, P x C; of the last stage with
            the network's head.
        head_other: the same in a further block, C.
        rows: by figure, what adds up: first blocks, further blocks, and the network's head. The arena's is
            its tail.
        room: by figure, how much of that the limits leave; `CEILING` where there is no upper limit.
        most: the most bytes of the arena.
    """

    channels: tuple[Ints, ...]
    head: tuple[Ints, ...]
    head_other: tuple[Ints, ...]
    rows: Mapping[str, TableRows]
    room: Mapping[str, int]
    most: int

    def under(self, stage: int, follows: Bools, further: Bools) -> tuple[Bools, Bools]:
        """Which widths may follow one another in a stage, and which may have further blocks."""
        first, _, last = self.rows[ARENA]
        least = OWN_TAIL + sum(int(one.min()) for one in first) + int(last.min())
        most = self.most - least
        return follows & (self.head[stage] <= most), further & (self.head_other[stage] <= most)

    def may_fit(self, blocks: Ints, channels: Ints) -> Bools:
        """Which of some networks, N x S, the arena's limit does not rule out by these tables, N."""
        first, other, last = self.rows[ARENA]
        tail: Any = OWN_TAIL
        head: Any = 0
        before: Any = np.zeros(len(blocks), dtype=np.int64)
        for j, widths in enumerate(self.channels):
            here = np.searchsorted(widths, channels[:, j])
            tail = tail + first[j][before, here] + (blocks[:, j] - 1) * other[j][here]
            head = np.maximum(head, self.head[j][before, here])
            head = np.maximum(head, np.where(blocks[:, j] > 1, self.head_other[j][here], 0))
            before = here
        found: Bools = tail + last[before] + head <= self.most
        return found


def device_tables(like: ArchSpec, outlined: Outline, widths: Sequence[Ints], budget: Budget) -> DeviceTables:
    """The tables of a skeleton.

    Args:
        like: a network of it.
        outlined: its layers, whose channels are arrays of the widths.
        widths: base widths of each stage.
        budget: the limits.

    Raises:
        ExportError: its networks have a layer that TensorFlow Lite Micro has no operator for.
    """
    values = budget.values
    # Which layers there are does not depend on the depth.
    few = like.replace(blocks=[min(n, 2) for n in like.blocks])
    lower(layout(few)).check(values)

    def of_cases(cases: tuple[Case, ...], entered: Any, shape: tuple[int, ...]) -> Least:
        found = least_of(cases[0].nodes, entered, values)
        for case in cases[1:]:
            here = least_of(case.nodes, entered, values)
            found = Least(*(np.where(case.where, a, b) for a, b in zip(here, found, strict=True)))
        return _whole(found, shape)

    stem = least_of(outlined.stem, prod(like.input), values)
    firsts, others = [], []
    for i, stage in enumerate(outlined.stages):
        n = len(widths[i])
        here = of_cases(stage.first, prod(stage.entered), (len(widths[i - 1]) if i else 1, n))
        if i == 0:
            here = Least(np.maximum(here.head, stem.head), here.tail + stem.tail, here.flash + stem.flash)
        firsts.append(_whole(here, here.head.shape))
        others.append(of_cases(stage.other, prod(stage.out), (n,)))
    last = _whole(least_of(outlined.head, prod(outlined.stages[-1].out), values), (len(widths[-1]),))
    heads = [one.head for one in firsts]
    heads[-1] = np.maximum(heads[-1], last.head)
    arena, flash = budget.arena.high, budget.flash.high
    least_head = max(int(one.min()) for one in heads)
    return DeviceTables(
        channels=tuple(widths),
        head=tuple(heads),
        head_other=tuple(one.head for one in others),
        rows={
            ARENA: TableRows(
                first=tuple(one.tail for one in firsts),
                other=tuple(one.tail for one in others),
                head=last.tail,
            ),
            FLASH: TableRows(
                first=tuple(one.flash for one in firsts),
                other=tuple(one.flash for one in others),
                head=last.flash,
            ),
        },
        room={
            # No network has less than the least of these maps beside its tail.
            ARENA: CEILING if arena is None else max(arena - OWN_TAIL - least_head, -1),
            FLASH: CEILING if flash is None else flash,
        },
        most=CEILING if arena is None else arena,
    )


def _whole(found: Least, shape: tuple[int, ...]) -> Least:
    return Least(*(np.broadcast_to(np.asarray(one, dtype=np.int64), shape) for one in found))
