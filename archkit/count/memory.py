"""Memory: what training keeps for a batch, and the most that inference holds at once.

Every figure is a sum over tensors that the plan names, in bytes:

    weights      parameters x bytes a value
    buffers      running mean and variance of each batch norm, and its count of batches; the filter of
                 each blur pooling (aa=blur), 3 x 3 for each channel
    gradients    parameters x bytes a value
    optimizer    parameters x bytes a value x states (`OPTIMIZER_STATES`)
    activations  the tensors that autograd keeps for the backward pass, times the batch
    inference    the most values alive at once, layer after layer, times the batch

What autograd keeps is read off torch's derivatives.yaml: a conv, a norm, a pool and a linear layer
keep their input, a ReLU (in place here) its output, a product both factors, a mean and an add
nothing. A tensor that several keep is counted once. Allocator overhead, cuDNN's workspaces and the
loss are not in the plan and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from archkit.count.closed import totals
from archkit.count.optimizers import OPTIMIZER_STATES, check_step
from archkit.html_tables import html_table
from archkit.plan import KINDS, Gate, Layer, Node, Plan, Residual, layout, may_overwrite
from archkit.spec import ArchSpec, as_spec

__all__ = [
    "Memory",
    "kept_by_part",
    "kept_for_backward",
    "memory",
    "peak_values",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes of each kind for one batch; see the module's text for the formulas.

    Attributes:
        batch: images.
        optimizer: whose states are counted.
        weights: parameters.
        buffers: of the norms and of blur pooling.
        gradients: of the parameters.
        optimizer_states: of the optimizer.
        activations: kept for the backward pass.
        inference_peak: the most alive at once in a forward pass, weights not counted.
    """

    batch: int
    optimizer: str
    weights: int
    buffers: int
    gradients: int
    optimizer_states: int
    activations: int
    inference_peak: int

    def _repr_html_(self) -> str:
        """The bytes of each kind, in a notebook."""
        kinds = ("weights", "buffers", "gradients", "optimizer_states", "activations")
        rows = [(name.replace("_", " "), getattr(self, name)) for name in (*kinds, "training", "inference")]
        note = f"Batch of {self.batch:,}, optimizer {self.optimizer}; training is the sum of those above it."
        return html_table(("memory", "bytes"), rows, notes=[note])

    @property
    def training(self) -> int:
        """What training holds when the backward pass begins, gradients included."""
        return self.weights + self.buffers + self.gradients + self.optimizer_states + self.activations

    @property
    def inference(self) -> int:
        """What inference holds at its peak."""
        return self.weights + self.buffers + self.inference_peak


def memory(
    spec: ArchSpec | str, *, batch: int = 1, optimizer: str = "momentum", bytes_per_value: int = 4
) -> Memory:
    """The memory of a network for a batch.

    Args:
        spec: the network.
        batch: images at once.
        optimizer: a key of `OPTIMIZER_STATES`.
        bytes_per_value: of weights, gradients, states and activations: 4 for float32.

    Raises:
        BudgetError: the batch is not positive, or the optimizer unknown.
    """
    check_step(batch, optimizer)
    plan = layout(spec)
    params = int(totals(plan.spec).params)
    return Memory(
        batch=batch,
        optimizer=optimizer,
        weights=params * bytes_per_value,
        buffers=buffers(plan, bytes_per_value),
        gradients=params * bytes_per_value,
        optimizer_states=OPTIMIZER_STATES[optimizer] * params * bytes_per_value,
        activations=kept_for_backward(plan, batch=batch, bytes_per_value=bytes_per_value),
        inference_peak=peak_values(plan) * batch * bytes_per_value,
    )


def buffers(layers: Iterable[Layer], bytes_per_value: int) -> Any:
    """Bytes of the buffers of some layers."""
    found: Any = 0
    for layer in layers:
        row = KINDS[layer.kind]
        if row.buffers is not None:
            found = found + row.buffers(layer, bytes_per_value)
    return found


def kept_for_backward(plan: Plan, *, batch: int, bytes_per_value: int = 4) -> int:
    """Bytes of the tensors that autograd keeps for the backward pass of a batch, images included.

    It follows the forward pass of `archkit.nn.build`'s network in training mode, layer by layer, and
    adds each kept tensor once.
    """
    return sum(_kept(plan, batch, bytes_per_value))


def kept_by_part(spec: ArchSpec | str, *, batch: int = 1, bytes_per_value: int = 4) -> tuple[int, ...]:
    """What `kept_for_backward` adds up, for each part: the stem, the stages, the head.

    A tensor counts where it is first kept. However deep a stage is, three of its blocks are laid out: the
    first, one that follows the first, and one that follows a block like itself.

    >>> kept_by_part("[2,1,1,1]x[64,128,256,512]")
    (537088, 2099200, 658432, 333824, 176128, 2048)
    """
    spec = as_spec(spec)
    three, two = (
        _kept(layout(spec.replace(blocks=[min(n, few) for n in spec.blocks])), batch, bytes_per_value)
        for few in (3, 2)
    )
    more = (0, *(max(0, n - 3) for n in spec.blocks), 0)
    return tuple(b + n * (b - a) for a, b, n in zip(two, three, more, strict=True))


def _kept(plan: Plan, batch: int, bytes_per_value: int) -> list[int]:
    """What each part keeps."""
    tape = Tape(batch, bytes_per_value)
    x, found = Tensor(plan.spec.input), [0]
    for _, nodes in plan.parts():
        x = tape.run(nodes, x)
        found.append(int(tape.bytes))
    return [after - before for before, after in pairwise(found)]


class Tensor:
    """A storage of the forward pass; layers that work in place or on a view hand on the same one.

    Shapes may hold integers or integer arrays of one shape: `archkit.count.held` counts many networks
    at once. One that is turned has its channels last in memory, as a layer norm of a map leaves them, and
    what works value by value behind it; to flatten it is to copy it.
    """

    def __init__(self, shape: tuple[Any, ...], *, kept: bool = False, turned: bool = False) -> None:
        self.values: Any = prod(shape)
        self.kept = kept
        self.turned = turned


class Tape:
    """What autograd keeps, added up while the forward pass is followed."""

    def __init__(self, batch: int, bytes_per_value: int) -> None:
        self.bytes: Any = 0
        self._batch = batch
        self._value = bytes_per_value

    def keep(self, tensor: Tensor) -> None:
        """Keeps a tensor for the backward pass, once."""
        if not tensor.kept:
            tensor.kept = True
            self.bytes = self.bytes + tensor.values * self._batch * self._value

    def run(self, nodes: Iterable[Node], x: Tensor) -> Tensor:
        """What a chain of nodes puts out."""
        before: Node | None = None
        for node in nodes:
            if isinstance(node, Layer):
                x = self.layer(node, x, in_place=may_overwrite(before))
            elif isinstance(node, Gate):
                factors = self.run(node.factors, x)
                self.keep(factors)
                x = self.layer(node.scale, x)
            else:
                self.run(node.body, x)
                self.run(node.shortcut, x)
                x = self.layer(node.add, x)
            before = node
        return x

    def layer(self, layer: Layer, x: Tensor, *, in_place: bool = False) -> Tensor:
        """What one layer puts out; `in_place` where it may write that over its input."""
        row = KINDS[layer.kind]
        if row.keeps == "view":
            return Tensor(layer.out_shape) if x.turned and _is_map(layer) else x
        self.bytes = self.bytes + row.more_kept(layer, self._batch, self._value)
        if row.keeps == "own" and in_place:
            self.keep(x)  # which is its output now
            return x
        if row.keeps == "input":
            self.keep(x)
        turns = layer.kind == "layer_norm" and _is_map(layer)
        out = Tensor(layer.out_shape, turned=turns or (x.turned and row.in_place))
        if row.keeps in ("output", "own"):
            self.keep(out)
        return out


def _is_map(layer: Layer) -> bool:
    """Whether it takes a map of more than one place."""
    return len(layer.in_shape) == 3 and bool(layer.in_shape[1] * layer.in_shape[2] > 1)


def peak_values(plan: Plan) -> int:
    """The most values alive at once in a forward pass of one image, weights not counted.

    The schedule: one conv, pool or linear layer after another, each with its input and its output
    alive. Norms, activations and the residual add work in place, as they do once folded into the
    convs, unless something else still needs what they would write over. A residual's input stays alive
    beside its body until the shortcut has run, which runs last and beside the body's output; the map that
    a gate scales stays alive beside its factors.
    """
    peak: Any = 0
    alive: Any = prod(plan.spec.input)
    for _, nodes in plan.parts():
        here, alive = chain_peak(nodes, alive)
        peak = _most(peak, here)
    return int(peak)


def chain_peak(
    nodes: Iterable[Node], entered: Any, *, beside: Any = 0, needed: bool = False
) -> tuple[Any, Any]:
    """The most values alive along a chain of nodes, and how many the last one puts out.

    Args:
        nodes: in order.
        entered: values of the first one's input.
        beside: values that are alive all the time.
        needed: whether that input must stay alive, and as it is, to the end.
    """
    peak, now = beside + entered, entered
    kept: Any = 0  # the input, once something else stands behind it
    ours = not needed  # whether what stands here may be written over
    for node in nodes:
        if isinstance(node, Gate):
            peak = _most(peak, chain_peak(node.factors, now, beside=beside + kept, needed=True)[0])
            continue
        if isinstance(node, Residual):
            here, out = residual_peak(node, now, beside=beside + kept)
            peak = _most(peak, here)
        elif KINDS[node.kind].in_place:
            if ours:
                continue
            out = now
            peak = _most(peak, beside + kept + now + out)
        else:
            out = prod(node.out_shape)
            peak = _most(peak, beside + kept + now + out)
        if not ours:
            kept, ours = entered, True
        now = out
    return peak, now


def residual_peak(node: Residual, entered: Any, *, beside: Any = 0) -> tuple[Any, Any]:
    """The most alive in a residual, and how many values it puts out."""
    peak, out = chain_peak(node.body, entered, beside=beside, needed=True)
    peak = _most(peak, chain_peak(node.shortcut, entered, beside=beside + out)[0])
    return _most(peak, beside + entered + out), out


def _most(a: Any, b: Any) -> Any:
    """The greater of two integers, or of each pair where one is an array."""
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    import numpy as np  # only where the widths are numpy's

    return np.maximum(a, b)
