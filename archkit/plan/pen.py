"""The plan's pen: it writes every layer down, with its shapes."""

from __future__ import annotations

from typing import Any

from archkit.blocks import Draw, Pen
from archkit.errors import SpecError
from archkit.plan.tree import Gate, Layer, Node, Residual

__all__ = ["PlanPen"]


class PlanPen(Pen):
    """Writes layers, gates and residuals down.

    Args:
        c: channels of the map it stands at: an integer, or an integer array.
        h: rows.
        w: columns.
        prefix: of the layers' names.

    Attributes:
        nodes: what has been drawn.
    """

    __slots__ = ("_number", "_residuals", "nodes", "prefix")

    def __init__(self, c: Any, h: Any, w: Any, prefix: str) -> None:
        super().__init__(c, h, w)
        self.prefix = prefix
        self._residuals: dict[str, int] = {}  # how many there are so far under each prefix
        self._number = ""  # of the residual that is being drawn
        self.nodes: list[Node] = []

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Writes a layer down."""
        self.nodes.append(self._layer(name, kind, out, **geometry))
        self.moved(out)

    def residual(self, body: Draw, shortcut: Draw | None = None, **how: Any) -> None:
        """Writes both branches down.

        What comes before the body belongs to it, unless the shortcut reads it too. A second residual of
        one block has a `shortcut2` and an `add2`, so that no two layers have one name.
        """
        self._residuals[self.prefix] = n = self._residuals.get(self.prefix, 0) + 1
        outer, self._number = self._number, "" if n == 1 else str(n)
        super().residual(body, shortcut, **how)
        self._number = outer

    def part(self, draw: Draw) -> tuple[Node, ...]:
        """Writes a part down apart from what stands before it."""
        return self._apart(draw, self.prefix, self._number)

    def beside(self, name: str, draw: Draw, *, where: Any) -> tuple[Node, ...]:
        """Writes a branch down, its layers under its name."""
        own = f"{name}{self._number}" if name == "shortcut" else name
        return self._apart(draw, f"{self.prefix}.{own}", "")

    def meet(self, out: tuple[Any, ...], aside: tuple[Any, ...]) -> None:
        """Sees that the body and its shortcut leave maps of one size; of widths in arrays nothing is asked.

        Raises:
            SpecError: they do not: the family's drawing is at fault.
        """
        if any(Pen.differ(self, one, other) is True for one, other in zip(out, aside, strict=True)):
            body, shortcut = ("x".join(map(str, shape)) for shape in (out, aside))
            raise SpecError(
                f"{self.prefix} adds a map of {shortcut} on its shortcut to one of {body}: its family is"
                " drawn wrongly"
            )

    def gated(self, name: str, factors: tuple[Node, ...]) -> None:
        """Writes the gate down."""
        scale = Layer(f"{self.prefix}.{name}.scale", "scale", self.shape, self.shape)
        self.nodes.append(Gate(name=f"{self.prefix}.{name}", factors=factors, scale=scale))

    def added(
        self,
        ahead: tuple[Node, ...] | None,
        inside: tuple[Node, ...],
        aside: tuple[Node, ...] | None,
        *,
        alone: bool,
        shared: bool,
    ) -> None:
        """Writes the residual down."""
        first = ahead or ()
        if alone:
            self.nodes.extend((*first, *inside))
            return
        if shared:
            self.nodes.extend(first)
        body = inside if shared else (*first, *inside)
        add = self._layer(f"add{self._number}", "add", self.shape)
        self.nodes.append(Residual(body=body, shortcut=aside or (), add=add))

    def _layer(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> Layer:
        return Layer(f"{self.prefix}.{name}", kind, self.shape, out, **geometry)

    def _apart(self, draw: Draw, prefix: str, number: str) -> tuple[Node, ...]:
        """What a function draws, under a prefix."""
        before = self.nodes, self.prefix, self._number
        self.nodes, self.prefix, self._number = [], prefix, number
        draw(self)
        drawn = tuple(self.nodes)
        self.nodes, self.prefix, self._number = before
        return drawn
