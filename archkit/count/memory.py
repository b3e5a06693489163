"""Memory: what training keeps for a batch, and the most that inference holds at once.

Every figure is a sum over tensors that the plan names, in bytes:

    weights      parameters x bytes a value
    buffers      running mean and variance of each batch norm, and its count of batches
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
from itertools import groupby
from math import prod
from typing import Any, Final

from archkit.count.closed import totals
from archkit.errors import BudgetError
from archkit.plan import BlockPlan, Layer, Plan, is_attention, layout
from archkit.spec import ArchSpec

__all__ = ["OPTIMIZER_STATES", "Memory", "kept_for_backward", "memory", "peak_values"]

OPTIMIZER_STATES: Final = {"none": 0, "sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "adadelta": 2}
"""Values that an optimizer keeps for each parameter: SGD's momentum; Adam's two moments; Adadelta's
averages of squared gradients and of squared steps."""

_INDEX_BYTES: Final = 8  # max pooling keeps where each maximum came from, as int64
_COUNTER_BYTES: Final = 8  # a batch norm counts its batches in one int64


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes of each kind for one batch; see the module's text for the formulas.

    Attributes:
        batch: images.
        optimizer: whose states are counted.
        weights: parameters.
        buffers: of the norms.
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

    @property
    def training(self) -> int:
        """What training holds when the backward pass begins, gradients included."""
        return self.weights + self.buffers + self.gradients + self.optimizer_states + self.activations

    @property
    def inference(self) -> int:
        """What inference holds at its peak."""
        return self.weights + self.buffers + self.inference_peak


def memory(
    spec: ArchSpec, *, batch: int = 1, optimizer: str = "momentum", bytes_per_value: int = 4
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
    if batch < 1:
        raise BudgetError(f"a batch has 1 image or more, not {batch}")
    if optimizer not in OPTIMIZER_STATES:
        raise BudgetError(f"optimizer is {' | '.join(OPTIMIZER_STATES)}, not {optimizer}")
    plan = layout(spec)
    params = int(totals(spec).params)
    return Memory(
        batch=batch,
        optimizer=optimizer,
        weights=params * bytes_per_value,
        buffers=norm_buffers(plan, bytes_per_value),
        gradients=params * bytes_per_value,
        optimizer_states=OPTIMIZER_STATES[optimizer] * params * bytes_per_value,
        activations=kept_for_backward(plan, batch=batch, bytes_per_value=bytes_per_value),
        inference_peak=peak_values(plan) * batch * bytes_per_value,
    )


def norm_buffers(layers: Iterable[Layer], bytes_per_value: int) -> Any:
    """Bytes of the buffers of the batch norms among some layers."""
    norms = [layer for layer in layers if layer.kind == "batch_norm"]
    return sum(2 * norm.in_shape[0] * bytes_per_value + _COUNTER_BYTES for norm in norms)


def kept_for_backward(plan: Plan, *, batch: int, bytes_per_value: int = 4) -> int:
    """Bytes of the tensors that autograd keeps for the backward pass of a batch, images included.

    It follows the forward pass of `archkit.nn.build`'s network in training mode, layer by layer, and
    adds each kept tensor once.
    """
    tape = Tape(batch, bytes_per_value)
    x = tape.run(plan.stem, Tensor(plan.spec.input))
    for stage in plan.stages:
        for block in stage.blocks:
            x = tape.block(block, x)
    tape.run(plan.head, x)
    return int(tape.bytes)


class Tensor:
    """A storage of the forward pass; layers that work in place or on a view hand on the same one.

    Shapes may hold integers or integer arrays of one shape: `archkit.count.held` counts many networks
    at once.
    """

    def __init__(self, shape: tuple[Any, ...], *, kept: bool = False) -> None:
        self.values: Any = prod(shape)
        self.kept = kept


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

    def block(self, block: BlockPlan, x: Tensor) -> Tensor:
        """What a block puts out."""
        h = self.run(block.pre, x)
        out = self.run(block.body, h)
        if block.attention:
            out = self.attend(block.attention, out)
        if block.shortcut:
            projects = block.shortcut[0].kind != "zero_pad"
            self.run(block.shortcut, h if block.pre and projects else x)
        return self.run(block.tail, out)

    def attend(self, layers: Iterable[Layer], x: Tensor) -> Tensor:
        """What channel attention puts out."""
        gate = x
        for layer in layers:
            if layer.kind == "scale":
                self.keep(x)
                self.keep(gate)
                return Tensor(layer.out_shape)
            gate = self.layer(layer, gate)
        return gate

    def run(self, layers: Iterable[Layer], x: Tensor) -> Tensor:
        """What layers one behind another put out."""
        for attends, group in groupby(layers, key=is_attention):
            if attends:
                x = self.attend(group, x)
            else:
                for layer in group:
                    x = self.layer(layer, x)
        return x

    def layer(self, layer: Layer, x: Tensor) -> Tensor:
        """What one layer puts out."""
        match layer.kind:
            case "flatten":
                return x  # a view
            case "relu":
                self.keep(x)  # in place: its output is where its input was
                return x
            case "sigmoid":
                out = Tensor(layer.out_shape)
                self.keep(out)
                return out
            case "global_pool" | "squeeze" | "add" | "zero_pad":
                return Tensor(layer.out_shape)
            case _:
                self.keep(x)
        match layer.kind:
            case "batch_norm":  # mean and inverse deviation of the batch
                self.bytes = self.bytes + 2 * layer.in_shape[0] * self._value
            case "group_norm":  # the same for each image and group
                self.bytes = self.bytes + 2 * layer.groups * self._batch * self._value
            case "max_pool":
                self.bytes = self.bytes + prod(layer.out_shape) * self._batch * _INDEX_BYTES
            case "blur_pool":  # a conv over the padded map
                c, h, w = layer.in_shape
                self.keep(Tensor((c, h + 2, w + 2)))
        return Tensor(layer.out_shape)


def peak_values(plan: Plan) -> int:
    """The most values alive at once in a forward pass of one image, weights not counted.

    The schedule: one conv, pool or linear layer after another, each with its input and its output
    alive. Norms, activations and the residual add work in place, as they do once folded into the
    convs. A block's input stays alive beside its branch until the shortcut has run, which runs last
    and beside the branch's output; the map that attention scales stays alive beside the gate.
    """
    peak, alive = stem_peak(plan)
    for stage in plan.stages:
        for block in stage.blocks:
            here, alive = block_peak(block, alive)
            peak = max(peak, here)
    return int(max(peak, chain_peak(plan.head, alive)[0]))


def stem_peak(plan: Plan) -> tuple[Any, Any]:
    """The most alive in the stem, and how many values leave it."""
    peak: Any = 0
    alive: Any = prod(plan.spec.input)
    for attends, group in groupby(plan.stem, key=is_attention):
        here, out = chain_peak(group, alive, keep=attends)
        peak, alive = _most(peak, here), alive if attends else out
    return peak, alive


_IN_PLACE: Final = frozenset({"batch_norm", "group_norm", "relu", "sigmoid", "scale", "add", "flatten"})


def block_peak(block: BlockPlan, entered: Any) -> tuple[Any, Any]:
    """The most alive in a block that `entered` values enter, and how many leave it."""
    identity = not block.shortcut or block.shortcut[0].kind == "zero_pad"
    # The identity still needs the block's input, so pre-activation writes to a tensor of its own;
    # before a projection, which reads the activated map, it works in place.
    copies = bool(block.pre) and identity
    peak, out = chain_peak(block.body, entered, beside=entered if copies else 0, keep=not copies)
    if block.attention:
        peak = _most(peak, chain_peak(block.attention, out, beside=entered, keep=True)[0])
    if block.shortcut:
        peak = _most(peak, chain_peak(block.shortcut, entered, beside=out)[0])
    return _most(peak, entered + out), out


def chain_peak(
    layers: Iterable[Layer], entered: Any, *, beside: Any = 0, keep: bool = False
) -> tuple[Any, Any]:
    """The most alive along layers one behind another, and how many values the last puts out.

    Args:
        layers: in order.
        entered: values of the first one's input.
        beside: values alive all along.
        keep: whether that input stays alive to the end.
    """
    peak, now = beside + entered, entered
    kept: Any = 0
    for layer in layers:
        if layer.kind in _IN_PLACE:
            continue
        out = prod(layer.out_shape)
        peak = _most(peak, beside + kept + now + out)
        kept = entered if keep else 0
        now = out
    return peak, now


def _most(a: Any, b: Any) -> Any:
    """The greater of two integers, or of each pair where one is an array."""
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    import numpy as np  # only where the widths are numpy's

    return np.maximum(a, b)
