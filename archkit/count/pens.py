"""The counter's pens: one adds up what is drawn, one writes that sum down as code."""

from __future__ import annotations

from typing import Any, NamedTuple

from archkit.blocks import Draw, Pen
from archkit.blocks.symbol import Code
from archkit.html_tables import html_table
from archkit.plan import KINDS, Layer

__all__ = ["Cost", "CostPen", "SymbolPen"]


class Cost(NamedTuple):
    """What a part of a network costs for one image.

    params: learnable parameters.
    macs: multiply-accumulates of convs and linear layers, bias not counted.
    activations: elements that they put out.
    depth: how many of them are on the main path: shortcuts and attention are not counted.

    Figures are integers, or integer arrays of one shape.
    """

    params: Any
    macs: Any
    activations: Any
    depth: Any

    def _repr_html_(self) -> str | None:
        """A row, in a notebook; arrays are shown as they are elsewhere."""
        if not all(isinstance(one, int) for one in self):
            return None
        return html_table(("params", "MACs", "activations", "depth"), [tuple(self)])


class CostPen(Pen):
    """Adds up the parameters, MACs, activations and depth of what is drawn."""

    __slots__ = ("_activations", "_beside", "_depth", "_macs", "_params")

    def __init__(self, c: Any, h: Any, w: Any) -> None:
        super().__init__(c, h, w)
        self._params: list[Any] = []
        self._macs: list[Any] = []
        self._activations: list[Any] = []
        self._depth = 0
        self._beside = 0  # the branches beside the main path that the pen is in

    @property
    def cost(self) -> Cost:
        """What has been drawn."""
        return Cost(_sum(self._params), _sum(self._macs), _sum(self._activations), self._depth)

    def start_again(self) -> Cost:
        """What has been drawn; from here on it counts from nothing."""
        found = self.cost
        self._params, self._macs, self._activations, self._depth = [], [], [], 0
        return found

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Adds a layer."""
        row = KINDS[kind]
        if row.weights is not None:
            layer = Layer(name, kind, self.shape, out, **geometry)
            weights = self._named(row.weights(layer))
            self._params.append(weights)
            if layer.bias:
                self._params.append(out[0])
            if row.positions is not None:
                self._macs.append(weights * self._named(row.positions(layer)))
                elements = out[0]
                for size in out[1:]:
                    elements = elements * size
                self._activations.append(elements)
                if not self._beside:
                    self._depth += 1
        self.moved(out)

    def beside(self, name: str, draw: Draw, *, where: Any) -> None:
        """Adds a branch where it stands; what is beside the main path adds nothing to the depth."""
        self._beside += 1
        if where is True:
            draw(self)
        else:
            before = self._params, self._macs, self._activations
            self._params, self._macs, self._activations = [], [], []
            draw(self)
            branch = self._params, self._macs, self._activations
            self._params, self._macs, self._activations = before
            for terms, of_branch in zip(before, branch, strict=True):
                terms.append(where * _sum(of_branch))
        self._beside -= 1

    def _named(self, value: Any) -> Any:
        """The value; a pen of symbols gives it a name, so that it is worked out once."""
        return value


def _sum(terms: list[Any]) -> Any:
    """The sum of integers, symbols or arrays. Small arrays come first: they are added at the least cost."""
    return sum(sorted(terms, key=lambda term: getattr(term, "size", 1)))


class SymbolPen(CostPen):
    """Adds up symbols; widths, sizes and products get names, so that none is worked out twice.

    Args:
        code: where the names are given.
    """

    __slots__ = ("_code",)

    def __init__(self, code: Code) -> None:
        super().__init__(code.symbol("c_in"), code.symbol("h"), code.symbol("w"))
        self._code = code

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Adds a layer whose sizes have names."""
        super().put(name, kind, tuple(self._named(size) for size in out), **geometry)

    def _named(self, value: Any) -> Any:
        return self._code.named(value)
