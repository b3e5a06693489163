"""What each kind of layer makes and saves in a training step, as `archkit.nn` writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Final, TypeAlias

from archkit.count.training.graph import Graph, Held, Value
from archkit.count.training.written_out import layer_scale, response_norm, scaled_norm
from archkit.plan import KINDS, Layer

__all__ = ["LAYERS", "add", "passed_on", "relu_in_place", "scale", "tensors"]

_OneLayer: TypeAlias = Callable[[Graph, Layer, Value, int], Value]


def tensors(layer: Layer) -> tuple[int, ...]:
    """Values of each parameter of a layer."""
    weights = KINDS[layer.kind].weights
    if weights is None:
        return ()
    if layer.kind == "mix_conv":
        return tuple(weight for weight, _, _ in _side_by_side(layer))
    if layer.kind in ("batch_norm", "group_norm", "layer_norm", "response_norm"):
        return (layer.in_shape[0],) * 2
    return (int(weights(layer)), *((layer.out_shape[0],) if layer.bias else ()))


def _out(layer: Layer, batch: int) -> int:
    return batch * int(prod(layer.out_shape))


def passed_on(graph: Graph, x: Value) -> Value:
    """Another tensor in the same storage, to which the gradient goes on as it is."""
    out = Value(graph.keep(x.held), x.values, needs=x.needs, last=x.last)
    if out.needs:
        graph.node(out, lambda gradient: graph.give(x, gradient))
    return out


def add(graph: Graph, body: Value, aside: Value) -> Value:
    """The sum of a residual."""
    out = Value(graph.make(body.values), body.values, needs=body.needs or aside.needs)
    out.last = body.last or aside.last

    def back(gradient: Held) -> None:
        graph.keep(gradient)
        graph.give(body, gradient)
        graph.give(aside, gradient)

    if out.needs:
        graph.node(out, back)
    return out


def scale(graph: Graph, x: Value, factors: Value) -> Value:
    """The product of a map with a factor for each of its channels."""
    out = Value(graph.make(x.values), x.values, needs=True, last=x.last)
    saved = (graph.keep(x.held), graph.keep(factors.held))

    def back(gradient: Held) -> None:
        passed = graph.make(x.values)
        product = graph.make(x.values)
        of_factors = graph.make(factors.values)
        graph.drop(product, gradient, *saved)
        graph.give(x, passed)
        graph.give(factors, of_factors)

    graph.node(out, back)
    return out


def _with_input(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    """It saves its input: a conv, a linear layer, a pool, most activations."""
    values = _out(layer, batch)
    weights = tensors(layer)
    copied = weights[0] if layer.kind == "conv" and _has_layouts(layer) else 0
    out = graph.make(values)
    return graph.single(x, out, values, saved=(x.held,), weights=weights, copied=copied)


def _has_layouts(layer: Layer) -> bool:
    """Whether the weights of a conv lie otherwise in memory if their channels come last."""
    return bool(max(layer.window) > 1 and layer.in_shape[0] // layer.groups > 1)


def _with_output(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    values = _out(layer, batch)
    out = graph.make(values)
    return graph.single(x, out, values, saved=(out,))


def _with_nothing(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    values = _out(layer, batch)
    return graph.single(x, graph.make(values), values)


def _global_pool(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    """A mean. That of a channels-last map is channels-last too, for which its gradient is copied."""
    values = _out(layer, batch)
    out = graph.make(values)
    mean = graph.single(x, out, values)

    def back(gradient: Held) -> None:
        graph.lay_out(x, values)
        graph.give(mean, gradient)

    made = Value(out, values, needs=mean.needs, last=x.last)
    if made.needs:
        graph.node(made, back)
    return made


def _norm(statistics: Callable[[Layer, int], int]) -> _OneLayer:
    def run(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
        each = statistics(layer, batch)
        out = graph.make(x.values)
        aside = graph.make(each), graph.make(each)
        made = graph.single(x, out, x.values, saved=(x.held,), aside=aside, weights=tensors(layer))
        if layer.kind == "layer_norm" and len(layer.in_shape) == 3:
            made.last = made.view = True  # the channels were put last for it, and then first again
        return made

    return run


def relu_in_place(graph: Graph, x: Value) -> Value:
    """A ReLU that writes over what it is given.

    Where that is a view, autograd goes through what it shows: the gradient is laid out as that is, then
    copied, and the copy once more for the ReLU (`torch/csrc/autograd/functions/tensor.cpp`).
    """
    if not x.view:
        return graph.single(x, graph.keep(x.held), x.values, saved=(x.held,))
    out = Value(graph.keep(x.held), x.values, needs=True, last=x.last)
    saved = graph.keep(x.held)

    def back(gradient: Held) -> None:
        as_base = graph.make(x.values)
        graph.drop(gradient)
        result, copy, found = (graph.make(x.values) for _ in range(3))
        graph.drop(copy, found, as_base, saved)
        graph.give(x, result)

    graph.node(out, back)
    return out


def _max_pool(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    values = _out(layer, batch)
    out = graph.make(values)
    return graph.single(x, out, values, saved=(x.held,), aside=(graph.make(values, 8),))


def _blur_pool(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    values = _out(layer, batch)
    if not layer.padding:
        return graph.single(x, graph.make(values), values, saved=(x.held,) if x.needs else ())
    c, h, w = layer.in_shape
    around = batch * c * (h + 2) * (w + 2)
    padded = graph.single(x, graph.make(around), around, saved=(x.held,))
    out = graph.single(padded, graph.make(values), values, saved=(padded.held,))
    graph.drop(padded.held)
    return out


def _std_conv(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    """The weights are standardised by a batch norm without parameters, which has a node of its own."""
    own, *bias = tensors(layer)
    filters = layer.out_shape[0]
    used = Value(graph.make(own), own, needs=True)
    aside = graph.make(filters), graph.make(filters)

    def back_to_weights(gradient: Held) -> None:
        graph.make(own)
        graph.drop(gradient, *aside)

    graph.node(used, back_to_weights)
    values = _out(layer, batch)
    out = Value(graph.make(values), values, needs=True, last=x.last)
    saved = (graph.keep(x.held), used.held)

    def back(gradient: Held) -> None:
        passed = graph.make(x.values) if x.needs else None
        of_weights = graph.make(own)
        for each in bias:
            graph.make(each)
        graph.drop(gradient, *saved)
        if passed is not None:
            graph.give(x, passed)
        graph.give(used, of_weights)
        if _has_layouts(layer):
            graph.lay_out(x, own)

    graph.node(out, back)
    return out


def _side_by_side(layer: Layer) -> list[tuple[int, tuple[int, int, int], tuple[int, int, int]]]:
    """Of each conv of a `mix_conv` its weights, the shape that it reads and the shape that it puts out."""
    n, widest = len(layer.kernels), max(layer.kernels)
    (c_in, h, w), (c_out, *area) = layer.in_shape, layer.out_shape
    found = []
    for i, kernel in enumerate(layer.kernels):
        enter, leave = (c // n + (c % n if i == 0 else 0) for c in (c_in, c_out))
        crop = max(0, (widest - kernel) // 2 - layer.padding)
        weights = kernel * kernel * leave * (1 if layer.depthwise else enter)
        found.append((weights, (enter, h - 2 * crop, w - 2 * crop), (leave, area[0], area[1])))
    return found


def _mix_conv(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    """A split, crops, convs side by side, and their outputs in one map."""
    _, height, width = layer.in_shape
    convs = _side_by_side(layer)
    parts = [graph.make(batch * prod(out)) for _, _, out in convs]
    values = _out(layer, batch)
    out = Value(graph.make(values), values, needs=True, last=x.last)
    graph.drop(*parts)
    saved = [graph.keep(x.held) for _ in convs]

    def back(gradient: Held) -> None:
        # The gradient of each conv's output is a view of it.
        for _ in convs[1:]:
            graph.keep(gradient)
        passed: list[Held] = []
        for i, (weights, (c, h, w), _) in reversed(list(enumerate(convs))):
            of_part = graph.make(batch * c * h * w) if x.needs else None
            graph.make(weights)
            graph.drop(gradient, saved[i])
            for wider in (h * width, height * width) if (h, w) != (height, width) and of_part else ():
                before, of_part = of_part, graph.make(batch * c * wider)
                if before is not None:
                    graph.drop(before)
            passed.extend([of_part] if of_part else [])
        if passed:
            whole = graph.make(x.values)
            graph.drop(*passed)
            graph.give(x, whole)

    graph.node(out, back)
    return out


def _zero_pad(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    values = _out(layer, batch)
    out = Value(graph.make(values), values, needs=x.needs, last=x.last)
    (c, h, w), (_, rows, columns) = layer.in_shape, layer.out_shape

    def back(gradient: Held) -> None:
        for size in (rows * columns, *((rows * w, h * w) if layer.stride != 1 else ())):
            before, gradient = gradient, graph.make(batch * c * size)
            graph.drop(before)
        graph.give(x, gradient)

    if out.needs:
        graph.node(out, back)
    return out


LAYERS: Final[Mapping[str, _OneLayer]] = {
    **dict.fromkeys(("conv", "conv1d", "linear", "avg_pool"), _with_input),
    **dict.fromkeys(("relu6", "silu", "hswish", "gelu", "gelu-tanh", "hsigmoid"), _with_input),
    **dict.fromkeys(("sigmoid", "relu"), _with_output),
    **dict.fromkeys(("squeeze", "pad"), _with_nothing),
    "global_pool": _global_pool,
    "batch_norm": _norm(lambda layer, _: int(layer.in_shape[0])),
    "group_norm": _norm(lambda layer, batch: batch * int(layer.groups)),
    "layer_norm": _norm(lambda layer, batch: batch * int(prod(layer.in_shape[1:]))),
    "rms_norm": scaled_norm,
    "simple_norm": scaled_norm,
    "response_norm": response_norm,
    "max_pool": _max_pool,
    "blur_pool": _blur_pool,
    "std_conv": _std_conv,
    "mix_conv": _mix_conv,
    "zero_pad": _zero_pad,
    "layer_scale": layer_scale,
}
"""Each kind of layer that makes a tensor, but for the product of a gate and the sum of a residual."""
