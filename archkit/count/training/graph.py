"""Storages with the references to them, and autograd's graph: what a backward pass makes and frees.

Sizes alone are followed. A storage lives as long as a variable, the graph or a gradient on its way refers to
it. torch's engine runs the nodes of one thread from the youngest to the oldest
(`torch/csrc/autograd/engine.cpp`). A node makes its outputs before the gradient that came in, and what was
saved for it, are let go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["GRANULE", "Graph", "Held", "Value", "rounded"]

GRANULE: Final = 512
"""Bytes to a multiple of which torch's caching allocator rounds an allocation up (`kMinBlockSize`)."""


def rounded(size: int) -> int:
    """Bytes that an allocation of so many takes."""
    return -(-size // GRANULE) * GRANULE


class Held:
    """A storage: its bytes as the allocator counts them, and how much refers to it."""

    __slots__ = ("number", "references", "size")

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.size = size
        self.references = 1


class Value:
    """A tensor of the graph.

    Attributes:
        held: where it lies; several may lie in one storage.
        values: how many it has.
        needs: whether a gradient is to be made for it.
        last: whether its channels may be what lies closest together in memory (channels-last).
        view: whether it is a view of what a layer norm has put out, for an operator that works in its place.
        gradient: what has arrived so far in the backward pass.
    """

    __slots__ = ("gradient", "held", "last", "needs", "values", "view")

    def __init__(self, held: Held, values: int, *, needs: bool, last: bool = False) -> None:
        self.held = held
        self.values = values
        self.needs = needs
        self.last = last
        self.view = False
        self.gradient: Held | None = None


class Graph:
    """What is alive.

    Args:
        adds_in_place: whether a second gradient of a tensor is added to the first where that lies. torch does
            so, except where a dispatch mode or a subclass of tensors looks on.
        lays_out_anew: whether gradients that may be channels-last are copied where torch wants them
            otherwise.

    Attributes:
        alive: bytes that are alive now.
        peak: the most bytes that were alive at once.
        events: a storage's number and its bytes, less than 0 where it was freed.
    """

    def __init__(self, *, adds_in_place: bool, lays_out_anew: bool) -> None:
        self.peak = 0
        self.events: list[tuple[int, int]] = []
        self.alive = 0
        self._made = 0
        self._adds_in_place = adds_in_place
        self._lays_out_anew = lays_out_anew
        self._nodes: list[tuple[Value, Callable[[Held], None]]] = []

    def make(self, values: int, each: int = 4) -> Held:
        """A new storage, to which its maker refers."""
        self._made += 1
        held = Held(self._made, rounded(values * each))
        self.alive += held.size
        self.peak = max(self.peak, self.alive)
        self.events.append((held.number, held.size))
        return held

    def keep(self, held: Held) -> Held:
        """One reference more."""
        held.references += 1
        return held

    def drop(self, *all_held: Held) -> None:
        """One reference less to each; what nothing refers to is freed."""
        for held in all_held:
            held.references -= 1
            if not held.references:
                self.alive -= held.size
                self.events.append((held.number, -held.size))

    def lay_out(self, x: Value, values: int) -> None:
        """A gradient of so many values is copied, if `x` may be channels-last, and then takes its place."""
        if x.last and self._lays_out_anew:
            self.drop(self.make(values))

    def node(self, out: Value, back: Callable[[Held], None]) -> None:
        """How the gradient of `out` is handed on; `back` must drop the gradient that it is given."""
        self._nodes.append((out, back))

    def give(self, to: Value, gradient: Held) -> None:
        """Hand a gradient to a tensor, with the reference to it."""
        if not to.needs:
            self.drop(gradient)
        elif to.gradient is None:
            to.gradient = gradient
        elif self._adds_in_place and to.gradient.references == 1:
            self.drop(gradient)
        else:
            total = self.make(to.values)
            self.drop(gradient, to.gradient)
            to.gradient = total

    def backward(self) -> None:
        """Run every node; the gradient of the last is there already."""
        while self._nodes:
            out, back = self._nodes.pop()
            gradient, out.gradient = out.gradient, None
            if gradient is not None:
                back(gradient)

    def single(
        self,
        x: Value,
        out: Held,
        values: int,
        *,
        saved: tuple[Held, ...] = (),
        aside: tuple[Held, ...] = (),
        weights: tuple[int, ...] = (),
        copied: int = 0,
    ) -> Value:
        """What an operator puts out whose backward pass is one operator too.

        Args:
            x: what it was given.
            out: where its output lies.
            values: of the output.
            saved: what it saves, though others may refer to it too.
            aside: what it has made beside the output, to save it.
            weights: values of each parameter, whose gradients are made with that of `x`.
            copied: values of the gradient that is copied where `x` may be channels-last.
        """
        made = Value(out, values, needs=x.needs or bool(weights), last=x.last)
        if not made.needs:
            self.drop(*aside)
            return made
        for held in saved:
            self.keep(held)

        def back(gradient: Held) -> None:
            passed = self.make(x.values) if x.needs else None
            for each in weights:
                self.make(each)
            self.drop(gradient, *saved, *aside)
            if passed is not None:
                self.give(x, passed)
            if copied:
                self.lay_out(x, copied)

        self.node(made, back)
        return made
