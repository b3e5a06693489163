"""What a forward pass of eager torch holds at most: `archkit.nn.build`'s network, followed call by call.

A planner that knows the network beforehand frees a map once it was read last (`archkit.count.memory`). Python
frees it once no variable holds it, which is later:

- whoever calls a module holds what it was given until the module returns: the images to the end, what enters
  a stage through the stage, what enters a block through the block;
- what the body of a residual put out is held until the next residual of its chain, or the chain's end;
- norms and activations put out a map of their own, but for a ReLU that may work in place;
- some layers hold maps of their own while they work, such as a padded one.

The tests compare it with the storages that live while torch runs. What a kernel works in (an im2col, oneDNN's
layouts, cuDNN's workspaces) is in no storage that Python sees, and is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final, Generic, TypeVar

from archkit.count.memory import memory
from archkit.plan import KINDS, Gate, Layer, Node, Plan, layout, may_overwrite
from archkit.spec import ArchSpec

__all__ = ["Calls", "EagerMemory", "eager_memory"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EagerMemory:
    """Bytes of an inference in eager torch.

    Attributes:
        batch: images.
        weights: parameters.
        buffers: of the norms and of blur pooling.
        peak: the most of the images, the maps and what layers work in, alive at once.
        planned: what a planner that knows the network beforehand would hold instead.
    """

    batch: int
    weights: int
    buffers: int
    peak: int
    planned: int

    @property
    def total(self) -> int:
        """What is held at the peak, weights and buffers too."""
        return self.weights + self.buffers + self.peak


def eager_memory(spec: ArchSpec | str, *, batch: int = 1, bytes_per_value: int = 4) -> EagerMemory:
    """What a forward pass in evaluation mode holds, with gradients switched off.

    Args:
        spec: the network.
        batch: images at once.
        bytes_per_value: of weights and maps: 4 for float32.

    Raises:
        BudgetError: the batch is not positive.
    """
    found = memory(spec, batch=batch, optimizer="none", bytes_per_value=bytes_per_value)
    run = _Pass(batch, bytes_per_value)
    plan = layout(spec)
    run.network(plan, run.made(batch * prod(plan.spec.input)))
    return EagerMemory(
        batch=batch,
        weights=found.weights,
        buffers=found.buffers,
        peak=run.peak * bytes_per_value,
        planned=found.inference_peak,
    )


class _Map:
    """A storage, and how many values it has."""

    def __init__(self, values: int) -> None:
        self.values = values


M = TypeVar("M")


class Calls(Generic[M]):
    """Which variables hold the maps of a forward pass. A map that goes into a chain is held by its caller."""

    def layer(self, layer: Layer, x: M, *, in_place: bool) -> M:
        """What one layer puts out."""
        raise NotImplementedError

    def scaled(self, x: M, factors: M) -> M:
        """The product of a gate."""
        raise NotImplementedError

    def added(self, body: M, aside: M) -> M:
        """The sum of a residual."""
        raise NotImplementedError

    def free(self, one: M) -> None:
        """A variable that held a map is gone."""
        raise NotImplementedError

    def network(self, plan: Plan, images: M) -> M:
        """What a network puts out; its caller holds the images, and what comes out."""
        stem = self.chain(plan.stem, images)
        x = stem
        for stage in plan.stages:
            entered = x
            for block in stage.blocks:
                out = self.chain(block.nodes, x)
                # The stage's caller holds what entered it, to the end of the stage.
                if out is not x and x is not entered:
                    self.free(x)
                x = out
            if x is not entered and entered is not images:
                self.free(entered)
        out = self.chain(plan.head, x)
        if x is not images and out is not x:
            self.free(x)
        return out

    def chain(self, nodes: Iterable[Node], entered: M) -> M:
        """What a chain puts out; what is held within it is freed."""
        x, body = entered, None
        before: Node | None = None
        for node in nodes:
            if isinstance(node, Layer):
                out = self.layer(node, x, in_place=may_overwrite(before))
            elif isinstance(node, Gate):
                factors = self.chain(node.factors, x)
                out = self.scaled(x, factors)
                if factors is not x:
                    self.free(factors)
            else:
                here = self.chain(node.body, x)
                # The variable holds the last body's output until it is given this one's.
                if body is not None:
                    self.free(body)
                body = here if here is not x else None
                aside = self.chain(node.shortcut, x) if node.shortcut else x
                out = self.added(here, aside)
                if aside is not x:
                    self.free(aside)
            if out is not x and x is not entered:
                self.free(x)
            x, before = out, node
        if body is not None and body is not x:
            self.free(body)
        return x


class _Pass(Calls[_Map]):
    """What the maps of a forward pass take."""

    def __init__(self, batch: int, bytes_per_value: int) -> None:
        self.peak = 0
        self._alive = 0
        self._batch = batch
        self._bytes = bytes_per_value

    def hold(self, values: int) -> None:
        """So many values more."""
        self._alive += values
        self.peak = max(self.peak, self._alive)

    def free(self, one: _Map) -> None:
        """A map that nothing holds any more."""
        self._alive -= one.values

    def made(self, values: int) -> _Map:
        """A new map."""
        self.hold(values)
        return _Map(values)

    def scaled(self, x: _Map, factors: _Map) -> _Map:  # noqa: ARG002 - it is as large as the map
        """The product of a gate."""
        return self.made(x.values)

    def added(self, body: _Map, aside: _Map) -> _Map:  # noqa: ARG002 - it is as large as either
        """The sum of a residual."""
        return self.made(body.values)

    def layer(self, layer: Layer, x: _Map, *, in_place: bool) -> _Map:
        """What one layer puts out."""
        if KINDS[layer.kind].keeps == "view" or (layer.kind == "relu" and in_place):
            return x
        works = _WORKS.get(layer.kind)
        values = self._batch * prod(layer.out_shape)
        if works is None:
            return self.made(values)
        for change in works(layer, self._batch, self._bytes):
            self.hold(change)
        return _Map(values)


_Works = Callable[[Layer, int, int], tuple[int, ...]]
"""How many values more, or fewer, a layer holds after each of its calls; together, those that it puts out."""


def _out(layer: Layer, batch: int) -> int:
    return batch * int(prod(layer.out_shape))


def _positions(layer: Layer, batch: int) -> int:
    return batch * int(prod(layer.in_shape[1:]))


def _max_pool(layer: Layer, batch: int, value: int) -> tuple[int, ...]:
    """Where each maximum came from is an int64."""
    indices = _out(layer, batch) * 8 // value
    return _out(layer, batch) + indices, -indices


def _group_norm(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    """With a mean and a deviation for each group."""
    statistics = 2 * batch * layer.groups
    return _out(layer, batch) + statistics, -statistics


def _layer_norm(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    """With a mean and a deviation for each position."""
    statistics = 2 * _positions(layer, batch)
    return _out(layer, batch) + statistics, -statistics


def _scaled(layer: Layer, batch: int) -> tuple[int, ...]:
    """Behind the spread of each position: with epsilon, its root, the product, the scaling."""
    out, each = _out(layer, batch), _positions(layer, batch)
    return each, -each, each, -each, out, -each, out, -out


def _rms_norm(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    """The mean of the squares first."""
    out, each = _out(layer, batch), _positions(layer, batch)
    return out, each, -out, *_scaled(layer, batch)


def _simple_norm(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    return _positions(layer, batch), *_scaled(layer, batch)


def _response_norm(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    """Norms, their mean, with epsilon, the share; its product, one more, the map's product, the sum."""
    out, each = _out(layer, batch), batch * layer.in_shape[0]
    share = (each, batch, batch, -batch, each, -batch)
    return *share, each, each, -each, out, -each, out, -out, -2 * each


def _blur_pool(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    c, h, w = layer.in_shape
    padded = batch * c * (h + 2) * (w + 2) if layer.padding else 0
    return padded, _out(layer, batch), -padded


def _std_conv(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    """The weights that it uses, with the mean and the deviation of each filter."""
    c_in, c_out = layer.in_shape[0], layer.out_shape[0]
    weights = prod(layer.window) * (c_in // layer.groups) * c_out
    return weights + 2 * c_out, -2 * c_out, _out(layer, batch), -weights


def _mix_conv(layer: Layer, batch: int, _value: int) -> tuple[int, ...]:
    """What each conv puts out, and all of it side by side."""
    return _out(layer, batch), _out(layer, batch), -_out(layer, batch)


_WORKS: Final[Mapping[str, _Works]] = {
    "max_pool": _max_pool,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "simple_norm": _simple_norm,
    "response_norm": _response_norm,
    "blur_pool": _blur_pool,
    "std_conv": _std_conv,
    "mix_conv": _mix_conv,
}
