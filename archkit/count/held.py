"""Memory as tables over widths: what training keeps and what inference holds, block by block.

Training memory is a sum over blocks, so that a stage costs `first_block(c_in, c) + (n - 1) *
other_block(c)` like every other figure. The peak of inference is a maximum over the same parts.

No formula is written twice: every width is laid out in a plan, and the formulas of
`archkit.count.memory` are then run on plans whose channels are arrays. The width of a layer of a block
follows from c_in alone or from c alone, so that it is known for every pair from
`C(c_in, c) = C(c_in, ref) + C(ref, c) - C(ref, ref)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np

from archkit.count.memory import (
    OPTIMIZER_STATES,
    Tape,
    Tensor,
    block_peak,
    chain_peak,
    memory,
    norm_buffers,
    stem_peak,
)
from archkit.count.tables import METRICS, NO_LIMIT, CostTables, Ints, projections
from archkit.errors import BudgetError
from archkit.plan import BlockPlan, Layer, Plan, layout
from archkit.spec import ArchSpec

__all__ = ["HeldTables", "held_tables", "in_bytes"]

_BYTES: Final = 4  # of a value in float32
_Dims: TypeAlias = tuple[Any, Any]  # first dimension of a layer's input and output


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
        BudgetError: the batch is not positive, the optimizer unknown, or the figures of `like` would
            not fit 64 bits.
    """
    few = like.replace(blocks=(2,) * len(like.blocks), stem=like.stem)
    # In Python's integers, and with the same margin as the costs.
    if 3 * max(like.blocks) * memory(few, batch=batch, optimizer=optimizer).training >= NO_LIMIT:
        raise BudgetError(f"the memory of the largest network, {like}, is beyond what 64 bits count")
    plan = _plan_of_arrays(like, widths, stem_follows=stem_follows)
    per_param = _BYTES * (2 + OPTIMIZER_STATES[optimizer])
    params = METRICS.index("params")

    def training(work: Callable[[Tape], Tensor], layers: Iterable[Layer]) -> tuple[Any, bool]:
        """Bytes that some layers add, weights left out, and whether what they put out is kept."""
        tape = Tape(batch, _BYTES)
        out = work(tape)
        return tape.bytes + norm_buffers(layers, _BYTES), out.kept

    def of_block(block: BlockPlan, kept: bool) -> tuple[Any, bool]:
        x = Tensor(next(iter(block)).in_shape, kept=kept)
        return training(lambda tape: tape.block(block, x), block)

    stem, kept = training(lambda tape: tape.run(plan.stem, Tensor(like.input)), plan.stem)
    found: dict[str, list[Ints]] = {"first": [], "other": [], "peak": [], "peak_other": []}
    for i, stage in enumerate(plan.stages):
        first, other = stage.blocks
        bare = replace(first, shortcut=())
        projects, n = projections(like, widths, i, stem_follows=stem_follows), len(widths[i])
        with_it, _ = of_block(first, kept)
        without, kept = of_block(bare, kept)
        here = np.where(projects, with_it, without) + (stem if i == 0 else 0)
        found["first"].append(_whole(here + per_param * costs.first[i][params], projects.shape))
        peak = np.where(projects, _peak(first), _peak(bare))
        found["peak"].append(_whole(np.maximum(peak, stem_peak(plan)[0] if i == 0 else 0), projects.shape))
        further, kept = of_block(other, kept)
        found["other"].append(_whole(further + per_param * costs.other[i][params], (n,)))
        found["peak_other"].append(_whole(_peak(other), (n,)))
    entered = Tensor(plan.head[0].in_shape, kept=kept)
    head, _ = training(lambda tape: tape.run(plan.head, entered), plan.head)
    n = len(widths[-1])
    return HeldTables(
        training=tuple(found["first"]),
        training_other=tuple(found["other"]),
        training_head=_whole(head + per_param * costs.head[params], (n,)),
        peak=tuple(found["peak"]),
        peak_other=tuple(found["peak_other"]),
        peak_head=_whole(chain_peak(plan.head, entered.values)[0], (n,)),
    )


def _peak(block: BlockPlan) -> Any:
    return block_peak(block, Tensor(next(iter(block)).in_shape).values)[0]


def _whole(figures: Any, shape: tuple[int, ...]) -> Ints:
    return np.broadcast_to(np.asarray(figures, dtype=np.int64), shape)


def _plan_of_arrays(like: ArchSpec, widths: Sequence[Ints], *, stem_follows: bool) -> Plan:
    """Two blocks of each stage, every first one with its shortcut's layers; channels are arrays.

    In a stage's first block they are P x C (or broadcast to it), elsewhere C.
    """
    stages = len(widths)
    changes: dict[str, Any] = {
        "blocks": (2,) * stages,
        "project": "stage",
        # Zero-padding refuses some pairs of widths that are laid out here only on the way.
        "shortcut": tuple("conv1" if kind == "pad" else kind for kind in like.shortcut),
    }
    if not stem_follows:
        changes["stem"] = like.stem
    # Every second stage runs through its widths while the others stand still, and the other way round.
    runs: list[list[Plan]] = []
    for parity in (0, 1):
        swept = [i % 2 == parity for i in range(stages)]
        steps = max((len(w) for w, yes in zip(widths, swept, strict=True) if yes), default=1)
        runs.append(
            [
                layout(
                    like.replace(
                        **changes,
                        channels=tuple(
                            int(w[min(k, len(w) - 1) if yes else 0])
                            for w, yes in zip(widths, swept, strict=True)
                        ),
                    )
                )
                for k in range(steps)
            ]
        )
    found = []
    for i, stage in enumerate(runs[0][0].stages):
        here = runs[i % 2][: len(widths[i])]
        dims = [_dims(plan.stages[i].blocks[0] for plan in here)]
        if i:
            dims.append(_dims(plan.stages[i].blocks[0] for plan in runs[(i - 1) % 2][: len(widths[i - 1])]))
        first = _with_dims(stage.blocks[0], _pairs(*dims))
        if like.shortcut[i] == "pad":
            ends = first.shortcut[0].in_shape, first.shortcut[-1].out_shape
            pad = replace(first.shortcut[0], kind="zero_pad", in_shape=ends[0], out_shape=ends[1])
            first = replace(first, shortcut=(pad,))
        other = _with_dims(stage.blocks[1], _dims(plan.stages[i].blocks[1] for plan in here))
        found.append(replace(stage, blocks=(first, other)))
    firsts = runs[0][: len(widths[0])]
    lasts = runs[(stages - 1) % 2][: len(widths[-1])]
    return Plan(
        spec=like,
        stem=_layers(runs[0][0].stem, _dims(plan.stem for plan in firsts)),
        stages=tuple(found),
        head=_layers(runs[0][0].head, _dims(plan.head for plan in lasts)),
    )


def _dims(parts: Iterable[Iterable[Layer]]) -> list[_Dims]:
    """For each layer of the same part of several plans, the first dimensions of its input and output."""
    rows = [[(layer.in_shape[0], layer.out_shape[0]) for layer in part] for part in parts]
    table = np.array(rows, dtype=np.int64)  # plans x layers x 2
    return [(table[:, j, 0], table[:, j, 1]) for j in range(table.shape[1])]


def _pairs(by_c: list[_Dims], by_c_in: list[_Dims] | None = None) -> list[_Dims]:
    """The dimensions for every pair of widths, 1 x C or P x C."""
    if by_c_in is None:
        return [(a[None, :], b[None, :]) for a, b in by_c]

    def pair(by_c: Ints, by_c_in: Ints) -> Ints:
        found: Ints = by_c[None, :] + by_c_in[:, None] - by_c[0]
        return found

    return [(pair(a, p), pair(b, q)) for (a, b), (p, q) in zip(by_c, by_c_in, strict=True)]


def _layers(layers: Sequence[Layer], dims: Sequence[_Dims]) -> tuple[Layer, ...]:
    return tuple(
        replace(layer, in_shape=(a, *layer.in_shape[1:]), out_shape=(b, *layer.out_shape[1:]))
        for layer, (a, b) in zip(layers, dims, strict=True)
    )


def _with_dims(block: BlockPlan, dims: list[_Dims]) -> BlockPlan:
    parts: dict[str, Any] = {}
    at = 0
    for name in ("pre", "body", "attention", "shortcut", "tail"):
        layers = getattr(block, name)
        parts[name] = _layers(layers, dims[at : at + len(layers)])
        at += len(layers)
    return replace(block, **parts)
