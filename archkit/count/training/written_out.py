"""Norms that are written out, and products with a learned factor: several operators, one behind another."""

from __future__ import annotations

from math import prod

from archkit.count.training.graph import Graph, Held, Value
from archkit.plan import Layer

__all__ = ["layer_scale", "response_norm", "scaled_norm"]


def layer_scale(graph: Graph, layer: Layer, x: Value, _batch: int) -> Value:
    """A learned factor for each channel."""
    return _by_weights(graph, layer, x, graph.keep(x.held))


def _by_weights(graph: Graph, layer: Layer, x: Value, saved: Held) -> Value:
    """The product with a learned factor for each channel; `saved` is the map, with the reference to it."""
    out = Value(graph.make(x.values), x.values, needs=True, last=x.last)

    def back(gradient: Held) -> None:
        passed = graph.make(x.values) if x.needs else None
        product = graph.make(x.values)
        graph.make(layer.in_shape[0])
        graph.drop(product, gradient, saved)
        if passed is not None:
            graph.give(x, passed)

    graph.node(out, back)
    return out


def scaled_norm(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    """RMS norm and simple norm: the spread of each position, its inverse root, two products."""
    simple = layer.kind == "simple_norm"
    each = batch * int(prod(layer.in_shape[1:]))
    squares = None if simple else graph.make(x.values)
    spread = graph.make(each)
    if squares is not None:
        graph.drop(squares)
    with_eps = graph.make(each)
    graph.drop(spread)
    root = graph.make(each)
    graph.drop(with_eps)
    product = Value(graph.make(x.values), x.values, needs=True, last=x.last)
    saved = graph.keep(x.held), graph.keep(x.held)

    def back(gradient: Held) -> None:
        passed = graph.make(x.values) if x.needs else None
        other = graph.make(x.values)
        of_root = graph.make(each)
        graph.drop(other, gradient, saved[0])
        if passed is None:
            return graph.drop(of_root, root, saved[1])
        graph.give(x, passed)
        power, half, of_spread = graph.make(each), graph.make(each), graph.make(each)
        graph.drop(power, half, of_root, root)
        if simple:
            mean, centred, doubled = graph.make(each), graph.make(x.values), graph.make(each)
            found = graph.make(x.values)
            graph.drop(mean, centred, doubled, of_spread, saved[1])
        else:
            divided = graph.make(x.values)
            graph.drop(of_spread)
            power, half, found = (graph.make(x.values) for _ in range(3))
            graph.drop(power, half, divided, saved[1])
        return graph.give(x, found)

    graph.node(product, back)
    return _by_weights(graph, layer, product, product.held)


def response_norm(graph: Graph, layer: Layer, x: Value, batch: int) -> Value:
    """Global response normalisation, written out in `archkit.nn.layers.ResponseNorm`."""
    c = layer.in_shape[0]
    each = batch * c
    response = graph.make(each)
    mean = graph.make(batch)
    divisor = graph.make(batch)
    graph.drop(mean)
    share = graph.make(each)
    weighted = graph.make(each)
    factor = graph.make(each)
    graph.drop(weighted)
    product = graph.make(x.values)
    out = Value(graph.make(x.values), x.values, needs=True, last=x.last)
    graph.drop(product)
    graph.keep(x.held)

    def back(gradient: Held) -> None:
        graph.make(c)  # of the bias
        passed, other, of_factor = graph.make(x.values), graph.make(x.values), graph.make(each)
        graph.drop(other, gradient, factor)
        graph.give(x, passed)
        of_share, other = graph.make(each), graph.make(each)
        graph.make(c)  # of the weight
        graph.drop(other, of_factor, share)
        temporary = [graph.make(each) for _ in range(4)]
        of_divisor = temporary.pop()
        graph.drop(*temporary)
        of_response = graph.make(each)
        summed = graph.make(batch)
        graph.drop(of_divisor, of_share, divisor)
        spread = graph.make(each)
        graph.drop(summed)
        total = graph.make(each)
        graph.drop(spread, of_response)
        ratio, zero, found = graph.make(x.values), graph.make(each, 1), graph.make(x.values)
        graph.drop(ratio, zero, total, response, x.held)
        graph.give(x, found)

    graph.node(out, back)
    return out
