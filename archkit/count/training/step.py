"""A training step, followed from the plan: forward pass, loss, backward pass."""

from __future__ import annotations

from math import prod

from archkit.count.eager import Calls
from archkit.count.training.graph import Graph, Held, Value
from archkit.count.training.kinds import LAYERS, add, passed_on, relu_in_place, scale
from archkit.plan import KINDS, Layer, Plan

__all__ = ["Forward", "run_step"]


class Forward(Calls[Value]):
    """A forward pass that leaves a graph behind."""

    def __init__(self, graph: Graph, batch: int) -> None:
        self._graph = graph
        self._batch = batch

    def layer(self, layer: Layer, x: Value, *, in_place: bool) -> Value:
        """What one layer puts out."""
        if KINDS[layer.kind].keeps == "view":
            return passed_on(self._graph, x)
        if layer.kind == "relu" and in_place:
            return relu_in_place(self._graph, x)
        return LAYERS[layer.kind](self._graph, layer, x, self._batch)

    def scaled(self, x: Value, factors: Value) -> Value:
        """The product of a gate."""
        return scale(self._graph, x, factors)

    def added(self, body: Value, aside: Value) -> Value:
        """The sum of a residual."""
        return add(self._graph, body, aside)

    def free(self, one: Value) -> None:
        """A variable that held a map is gone."""
        self._graph.drop(one.held)


def run_step(plan: Plan, graph: Graph, batch: int) -> None:
    """Run the forward pass, the loss and the backward pass.

    The images, the labels, the logits, the loss and the gradients of the weights are held to the end.
    """
    images = batch * prod(plan.spec.input)
    first = Value(graph.make(images), images, needs=False)
    graph.make(batch, 8)  # the labels
    logits = Forward(graph, batch).network(plan, first)
    softmax = graph.make(logits.values)
    # Both the softmax and the loss save its output; that of the softmax is let go last.
    likely = graph.single(logits, softmax, logits.values, aside=(softmax,))
    loss, total = graph.make(1), graph.make(1)
    root = Value(loss, 1, needs=True)

    def back(gradient: Held) -> None:
        passed = graph.make(logits.values)
        graph.drop(gradient, total)
        graph.give(likely, passed)

    graph.node(root, back)
    first_gradient = graph.make(1)  # which is held until the backward pass is done
    root.gradient = graph.keep(first_gradient)
    graph.backward()
    graph.drop(first_gradient)
