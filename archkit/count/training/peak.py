"""`training_peak`: what a training step takes of torch's caching allocator, from the plan."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from archkit.count.optimizers import OPTIMIZER_STATES, check_step
from archkit.count.training.graph import Graph, rounded
from archkit.count.training.kinds import tensors
from archkit.count.training.segments import LARGE, Segments
from archkit.count.training.step import run_step
from archkit.plan import Layer, Plan, layout
from archkit.spec import ArchSpec

__all__ = ["CUBLAS_WORKSPACE", "TrainingPeak", "training_peak"]

CUBLAS_WORKSPACE: Final = (0, 2 * 33_554_432)
"""The least and the most bytes that torch sets aside for cuBLAS and cuBLASLt. Each has 4096 KiB x 8 on Hopper
and later, and less on others (`aten/src/ATen/cuda/CublasHandlePool.cpp`); nothing until it is called."""

_UPDATE_COPIES: Final = {"adadelta": (2, 3)}
"""Copies of the parameters that an update works in, at least and at most; adadelta has no fused kernel. The
third is made where weights decay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingPeak:
    """Bytes of a training step in float32, each tensor rounded up to a multiple of 512.

    Attributes:
        batch: images.
        optimizer: a key of `OPTIMIZER_STATES`.
        weights: parameters.
        buffers: of the norms and of blur pooling.
        optimizer_states: of the optimizer.
        step: the least and the most of the images, the labels, the maps, what autograd keeps and the
            gradients, alive at once until the backward pass ends. They differ only where a layer norm may
            have put the channels last.
        update: the same while the optimizer updates the weights.
        unsplit: the most by which blocks may be greater than what lies in them.
        reserved: bytes of the segments, without what workspaces take.
    """

    batch: int
    optimizer: str
    weights: int
    buffers: int
    optimizer_states: int
    step: tuple[int, int]
    update: tuple[int, int]
    unsplit: int
    reserved: int

    @property
    def allocated(self) -> tuple[int, int]:
        """The least and the most that `torch.cuda.max_memory_allocated` says, workspaces apart."""
        held = self.weights + self.buffers + self.optimizer_states
        least, most = (held + max(pair) for pair in zip(self.step, self.update, strict=True))
        return least, most + self.unsplit


def training_peak(
    spec: ArchSpec | str, *, batch: int = 1, optimizer: str = "momentum", watched: bool = False
) -> TrainingPeak:
    """The peak of a training step after the first, from the second on.

    Args:
        spec: the network.
        batch: images in a step.
        optimizer: a key of `OPTIMIZER_STATES`. The fused ones of torch are meant, where it has them.
        watched: as torch's own trackers of memory see it: while a dispatch mode looks on, torch does not add
            gradients in place.

    Raises:
        BudgetError: the batch is not positive, or the optimizer unknown.
    """
    check_step(batch, optimizer)
    plan = layout(spec)
    weights = [rounded(4 * values) for layer in plan for values in tensors(layer)]
    buffers = [rounded(size) for layer in plan for size in _buffers(layer)]
    states = weights * OPTIMIZER_STATES[optimizer]
    if optimizer in ("adam", "adamw"):
        states += [rounded(4)] * len(weights)  # each counts its steps, on the device
    copies = _UPDATE_COPIES.get(optimizer, (0, 0))
    least, most = (_followed(plan, batch, watched=watched, lays_out_anew=anew) for anew in (False, True))
    copied = [sum(weights) * n for n in copies]
    events = [*most.events, *((-1 - i, size) for i, size in enumerate(weights * copies[1]))]
    return TrainingPeak(
        batch=batch,
        optimizer=optimizer,
        weights=sum(weights),
        buffers=sum(buffers),
        optimizer_states=sum(states),
        step=(least.peak, most.peak),
        update=(least.alive + copied[0], most.alive + copied[1]),
        unsplit=LARGE * (sum(size > LARGE for size in (*weights, *buffers, *states)) + _most_large(events)),
        reserved=_reserved([*weights, *buffers], states, events),
    )


def _buffers(layer: Layer) -> tuple[int, ...]:
    """Bytes of each buffer of a layer."""
    if layer.kind == "batch_norm":
        return 4 * layer.in_shape[0], 4 * layer.in_shape[0], 8
    return (4 * 3 * 3 * layer.in_shape[0],) if layer.kind == "blur_pool" else ()


def _followed(plan: Plan, batch: int, *, watched: bool, lays_out_anew: bool) -> Graph:
    graph = Graph(adds_in_place=not watched, lays_out_anew=lays_out_anew)
    run_step(plan, graph, batch)
    return graph


def _most_large(events: list[tuple[int, int]]) -> int:
    """The most storages of more than 1 MiB alive at once: so much may be left over in the block of each."""
    return max(accumulate((size > LARGE) - (-size > LARGE) for _, size in events))


def _reserved(resident: list[int], states: list[int], events: list[tuple[int, int]]) -> int:
    """Bytes that are reserved after two steps; the first makes the optimizer's states."""
    segments = Segments()
    for size in resident:
        segments.take(size)
    for made_after in (states, []):
        places: dict[int, int] = {}
        for number, size in events:
            if size > 0:
                places[number] = segments.take(size)
            else:
                segments.give_back(places.pop(number))
        for size in made_after:
            segments.take(size)
        for address in places.values():
            segments.give_back(address)
    return segments.reserved
