"""Memory as tables over widths: what training keeps and what inference holds, block by block.

Training memory is a sum over blocks, so that a stage costs `first_block(c_in, c) + (n - 1) *
other_block(c)` like every other figure. The peak of inference is a maximum over the same parts.

No formula is written twice: those of `archkit.count.memory` are run on an outline, whose channels are
arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np

from archkit.count.memory import Tape, Tensor, buffers, chain_peak, memory
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.tables import CEILING, METRICS, CostTables, Ints, stem_width
from archkit.errors import BudgetError
from archkit.plan import Case, Node, layers_of, outline
from archkit.spec import ArchSpec

__all__ = ["HeldTables", "held_tables", "in_bytes"]

_BYTES: Final = 4  # of a value in float32

# Whether a tensor is kept for the backward pass then depends on the number of blocks before it.
_NO_SUM: Final = (
    "some blocks of a stage keep what they put out and some do not, and what follows does not keep it: its"
    " memory is not a sum over blocks"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldTables:
    """Memory of all networks that differ from one only in widths and depths.

    Legend: P widths of the stage before, C widths of the stage; 1 x C for the first stage, which holds
    the stem too.

    Attributes:
        training: bytes of training, for each stage's first block, P x C.
        training_other: the same for a further block, C.
        training_head: the same for the head, C.
        peak: the most values alive at once in each stage's first block, P x C.
        peak_other: the same for a further block, C.
        peak_head: the same for the head, C.
    """

    training: tuple[Ints, ...]
    training_other: tuple[Ints, ...]
    training_head: Ints
    peak: tuple[Ints, ...]
    peak_other: tuple[Ints, ...]
    peak_head: Ints


class _Held(NamedTuple):
    """What training keeps of a part.

    bytes: weights left out, and what leaves it too.
    keeps: whether it keeps what enters.
    out_kept: whether it keeps what leaves.
    """

    bytes: Any
    keeps: bool
    out_kept: bool


def in_bytes(values: Any, bits: int) -> Any:
    """Whole bytes of so many values of `bits` bits each; integers or arrays."""
    return -(-values * bits // 8)


def held_tables(
    like: ArchSpec,
    widths: Sequence[Ints],
    costs: CostTables,
    *,
    stem_follows: bool,
    batch: int = 1,
    optimizer: str = "momentum",
) -> HeldTables:
    """The tables for the widths of each stage.

    Args:
        like: a network as wide and as deep as any that the tables are used for.
        widths: base widths of each stage, as `costs` was made for.
        costs: the costs of the same networks.
        stem_follows: whether the stem is as wide as the first stage, or as `like`'s.
        batch: images of a training step.
        optimizer: a key of `OPTIMIZER_STATES`.

    Raises:
        BudgetError: the batch is not positive, the optimizer unknown, the figures of `like` would not
            fit 64 bits, or a family's memory is not a sum over blocks.
    """
    few = ArchSpec.frame((2,) * len(like.blocks), like.channels, **{**like.given(), "stem": like.stem})
    # In Python's integers, and with the same margin as the costs.
    if 3 * max(like.blocks) * memory(few, batch=batch, optimizer=optimizer).training >= CEILING:
        raise BudgetError(f"the memory of the largest network, {like}, is beyond what 64 bits count")
    outlined = outline(like, widths, stem_width=stem_width(like, widths, stem_follows=stem_follows))
    per_param = _BYTES * (2 + OPTIMIZER_STATES[optimizer])
    params = METRICS.index("params")

    def training(nodes: tuple[Node, ...], entered: tuple[Any, ...]) -> _Held:
        """Bytes that a part adds, weights left out."""
        tape, x = Tape(batch, _BYTES), Tensor(entered)
        out = tape.run(nodes, x)
        # What leaves is counted by the part that it enters.
        left = out.values * batch * _BYTES if out.kept and out is not x else 0
        return _Held(tape.bytes + buffers(layers_of(nodes), _BYTES) - left, x.kept, out.kept)

    def of_cases(cases: tuple[Case, ...], entered: tuple[Any, Any, Any], kept: set[bool]) -> Any:
        """The same of a block, each case where it is so; `kept` becomes whether what leaves is kept."""
        each = [training(case.nodes, entered) for case in cases]
        figures = [one.bytes + unkept(one, entered, kept) for one in each]
        return _by_case(cases, figures), {one.out_kept for one in each}

    def unkept(one: _Held, entered: tuple[Any, ...], kept: set[bool]) -> Any:
        """What enters, where the part before it keeps that and this one does not."""
        if one.keeps:
            return 0
        if len(kept) > 1:
            raise BudgetError(_NO_SUM)
        return prod(entered) * batch * _BYTES if True in kept else 0

    stem = training(outlined.stem, like.input)
    kept = {stem.out_kept}
    stem_peak, _ = chain_peak(outlined.stem, prod(like.input))
    found: dict[str, list[Ints]] = {"first": [], "other": [], "peak": [], "peak_other": []}
    for i, stage in enumerate(outlined.stages):
        n = len(widths[i])
        pairs = (len(widths[i - 1]) if i else 1, n)
        here, first_kept = of_cases(stage.first, stage.entered, kept)
        found["first"].append(
            _whole(here + (stem.bytes if i == 0 else 0) + per_param * costs.first[i][params], pairs)
        )
        peak = _peak(stage.first, prod(stage.entered))
        found["peak"].append(_whole(np.maximum(peak, stem_peak if i == 0 else 0), pairs))
        kept = first_kept | {training(case.nodes, stage.out).out_kept for case in stage.other}
        here, _ = of_cases(stage.other, stage.out, kept)
        found["other"].append(_whole(here + per_param * costs.other[i][params], (n,)))
        found["peak_other"].append(_whole(_peak(stage.other, prod(stage.out)), (n,)))
    out = outlined.stages[-1].out
    head = training(outlined.head, out)
    n = len(widths[-1])
    return HeldTables(
        training=tuple(found["first"]),
        training_other=tuple(found["other"]),
        training_head=_whole(head.bytes + unkept(head, out, kept) + per_param * costs.head[params], (n,)),
        peak=tuple(found["peak"]),
        peak_other=tuple(found["peak_other"]),
        peak_head=_whole(chain_peak(outlined.head, prod(out))[0], (n,)),
    )


def _peak(cases: tuple[Case, ...], entered: Any) -> Any:
    """The most values alive in a block at once."""
    return _by_case(cases, [chain_peak(case.nodes, entered)[0] for case in cases])


def _by_case(cases: tuple[Case, ...], figures: Sequence[Any]) -> Any:
    """The figure of each width, from the figures of the cases."""
    found = figures[0]
    for case, figure in zip(cases[1:], figures[1:], strict=True):
        found = np.where(case.where, figure, found)
    return found


def _whole(figures: Any, shape: tuple[int, ...]) -> Ints:
    return np.broadcast_to(np.asarray(figures, dtype=np.int64), shape)
