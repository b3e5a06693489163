"""The counter's pens: one adds up what is drawn, one writes that sum down as code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from archkit.blocks import Draw, Pen
from archkit.plan import KINDS, Layer

__all__ = ["Cost", "CostPen", "Symbol", "SymbolPen", "compiled"]


class Cost(NamedTuple):
    """What a part of a network costs for one image.

    params: learnable parameters.
    macs: multiply-accumulates of convs and linear layers, bias not counted.
    activations: elements that they put out.
    depth: how many of them stand one behind another; shortcuts and attention not counted.

    Figures are integers, or integer arrays of one shape.
    """

    params: Any
    macs: Any
    activations: Any
    depth: Any


class CostPen(Pen):
    """Adds up the parameters, MACs, activations and depth of what is drawn."""

    __slots__ = ("_beside", "activations", "depth", "macs", "params")

    def __init__(self, c: Any, h: Any, w: Any) -> None:
        super().__init__(c, h, w)
        self.params = self.macs = self.activations = self.depth = 0
        self._beside = 0  # the branches beside the main path that the pen is in

    @property
    def cost(self) -> Cost:
        """What has been drawn."""
        return Cost(self.params, self.macs, self.activations, self.depth)

    def start_again(self) -> Cost:
        """What has been drawn; from here on it counts from nothing."""
        found = self.cost
        self.params = self.macs = self.activations = self.depth = 0
        return found

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Adds a layer."""
        row = KINDS[kind]
        if row.weights is not None:
            layer = Layer(name, kind, self.shape, out, **geometry)
            weights = self._named(row.weights(layer))
            self.params = self.params + weights
            if layer.bias:
                self.params = self.params + out[0]
            if row.positions is not None:
                positions = self._named(row.positions(layer))
                self.macs = self.macs + weights * positions
                elements = out[0]
                for size in out[1:]:
                    elements = elements * size
                self.activations = self.activations + elements
                if not self._beside:
                    self.depth += 1
        self.moved(out)

    def gate(self, name: str, draw: Draw) -> None:
        """Adds the factors; the product with the map costs none of the figures."""
        entered = self.shape
        self._beside += 1
        draw(self)
        self._beside -= 1
        self.moved(entered)

    def residual(
        self,
        body: Draw,
        shortcut: Draw | None = None,
        *,
        always: bool = False,
        before: Draw | None = None,
        after_before: bool = True,
    ) -> None:
        """Adds both branches, the shortcut where it stands there: of arrays, for those pairs alone."""
        x = self.shape
        if before is not None:
            before(self)
        body(self)
        out = self.shape
        there = shortcut is not None and (always or x[0] != out[0])
        if shortcut is None or there is False:
            return
        before_it = self.params, self.macs, self.activations
        self.moved(x)
        self._beside += 1
        shortcut(self)
        self._beside -= 1
        self.moved(out)
        if there is not True:
            self.params, self.macs, self.activations = (
                was + there * (now - was)
                for was, now in zip(before_it, (self.params, self.macs, self.activations), strict=True)
            )

    def _named(self, value: Any) -> Any:
        """The value; a pen of symbols gives it a name, so that it is worked out once."""
        return value


class Symbol:
    """A width, a size or an expression of them, as code; it takes `+ - * //` and `!=`.

    Args:
        text: the expression, of names and integers alone.
        functions: what the text may call, by name; shared by all symbols of one drawing.
    """

    __slots__ = ("functions", "text")

    def __init__(self, text: str, functions: dict[str, Callable[..., Any]]) -> None:
        self.text, self.functions = text, functions

    def _with(self, sign: str, left: Any, right: Any) -> Symbol:
        for side in (left, right):
            if not isinstance(side, Symbol | int):
                raise TypeError(f"a drawing works out widths with integers, not with {side!r}")
        a, b = (side.text if isinstance(side, Symbol) else repr(int(side)) for side in (left, right))
        return Symbol(f"({a}{sign}{b})", self.functions)

    def __add__(self, other: Any) -> Any:
        return self if _is(other, 0) else self._with("+", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self if _is(other, 0) else self._with("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with("-", other, self)

    def __neg__(self) -> Any:
        return self._with("-", 0, self)

    def __mul__(self, other: Any) -> Any:
        if _is(other, 0):
            return 0
        return self if _is(other, 1) else self._with("*", self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return self if _is(other, 1) else self._with("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._with("//", other, self)

    def __ne__(self, other: object) -> Any:
        return self._with("!=", self, other)

    __hash__ = None  # type: ignore[assignment]  # what it equals is not known before it has a value

    def __bool__(self) -> bool:
        raise TypeError("a drawing asked whether a width has some value; its code would differ by it")

    def apply(self, function: Callable[..., Any], *numbers: int) -> Symbol:
        """The call of a function of `archkit.blocks.lifted`."""
        name = f"f{len(self.functions)}"
        self.functions[name] = function
        return Symbol(f"{name}({', '.join([self.text, *(repr(int(n)) for n in numbers)])})", self.functions)


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int) and value == number


class SymbolPen(CostPen):
    """Adds up symbols; widths, sizes and products get names, so that none is worked out twice.

    Args:
        functions: where the drawing's functions are collected.

    Attributes:
        lines: assignments, in order.
    """

    __slots__ = ("_functions", "_known", "lines")

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        super().__init__(Symbol("c_in", functions), Symbol("h", functions), Symbol("w", functions))
        self._functions = functions
        self._known: dict[str, Symbol] = {}
        self.lines: list[str] = []

    def moved(self, out: tuple[Any, ...]) -> None:
        """Stands the pen at another map, whose sizes have names."""
        super().moved(tuple(self._named(size) for size in out))

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Adds a layer whose sizes have names."""
        super().put(name, kind, tuple(self._named(size) for size in out), **geometry)

    def _named(self, value: Any) -> Any:
        if not isinstance(value, Symbol) or value.text.isidentifier():
            return value
        if value.text not in self._known:
            name = f"t{len(self.lines)}"
            self.lines.append(f"{name} = {value.text}")
            self._known[value.text] = Symbol(name, self._functions)
        return self._known[value.text]


def compiled(
    arguments: str, lines: list[str], results: str, functions: dict[str, Callable[..., Any]]
) -> Callable[..., Any]:
    """A function from its code, which holds names of ours and integers alone, nothing that a user typed."""
    body = "".join(f"    {line}\n" for line in lines)
    scope: dict[str, Any] = dict(functions)
    exec(f"def form({arguments}):\n{body}    return {results}\n", scope)  # noqa: S102 - as said above
    made: Callable[..., Any] = scope["form"]
    return made
