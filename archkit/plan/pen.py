"""The plan's pen: it writes every layer down, with its shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from archkit.blocks import Draw, Pen
from archkit.plan.tree import Gate, Layer, Node, Residual

__all__ = ["PlanPen"]


class PlanPen(Pen):
    """Writes layers, gates and residuals down.

    Args:
        c: channels of the map it stands at: an integer, or an integer array.
        h: rows.
        w: columns.
        prefix: of the layers' names.
        changes: whether the channels that leave a residual are others than those that enter, where they
            are arrays and so may be both; None where they are integers, which tell.

    Attributes:
        nodes: what has been drawn.
    """

    __slots__ = ("_changes", "_residuals", "nodes", "prefix")

    def __init__(self, c: Any, h: Any, w: Any, prefix: str, *, changes: bool | None = None) -> None:
        super().__init__(c, h, w)
        self.prefix, self._changes = prefix, changes
        self._residuals: dict[str, int] = {}  # how many there are so far under each prefix
        self.nodes: list[Node] = []

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Writes a layer down."""
        self.nodes.append(self._layer(name, kind, out, **geometry))
        self.moved(out)

    def gate(self, name: str, draw: Draw) -> None:
        """Writes a gate down."""
        entered = self.shape
        with self._inside(name) as factors:
            draw(self)
            self.moved(entered)
            scale = self._layer("scale", "scale", entered)
        self.nodes.append(Gate(name=f"{self.prefix}.{name}", factors=tuple(factors), scale=scale))

    def residual(
        self,
        body: Draw,
        shortcut: Draw | None = None,
        *,
        always: bool = False,
        before: Draw | None = None,
        after_before: bool = True,
    ) -> None:
        """Writes both branches down.

        What comes before the body belongs to it, unless the shortcut reads it too. A second residual of
        one block has a `shortcut2` and an `add2`, so that no two layers have one name.
        """
        x = self.shape
        self._residuals[self.prefix] = n = self._residuals.get(self.prefix, 0) + 1
        number = "" if n == 1 else str(n)
        with self._inside() as drawn:
            if before is not None:
                before(self)
            ahead = len(drawn)
            entered = self.shape
            body(self)
        out = self.shape
        changed = always or self._differ(x, out)
        if changed and shortcut is None:
            self.nodes.extend(drawn)
            return
        shared = ahead if changed and after_before else 0
        beside: list[Node] = []
        if changed and shortcut is not None:
            self.moved(entered if shared else x)
            with self._inside(f"shortcut{number}") as beside:
                shortcut(self)
        self.moved(out)
        self.nodes.extend(drawn[:shared])
        add = self._layer(f"add{number}", "add", out)
        self.nodes.append(Residual(body=tuple(drawn[shared:]), shortcut=tuple(beside), add=add))

    def _differ(self, x: tuple[Any, ...], out: tuple[Any, ...]) -> bool:
        return bool(x[0] != out[0]) if self._changes is None else self._changes

    def _layer(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> Layer:
        return Layer(f"{self.prefix}.{name}", kind, self.shape, out, **geometry)

    @contextmanager
    def _inside(self, name: str | None = None) -> Iterator[list[Node]]:
        """Collects what is drawn in a branch, under a name of its own where it has one."""
        nodes, prefix = self.nodes, self.prefix
        self.nodes = []
        if name is not None:
            self.prefix = f"{prefix}.{name}"
        try:
            yield self.nodes
        finally:
            self.nodes, self.prefix = nodes, prefix
