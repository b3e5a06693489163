"""What a drawing needs of widths and sizes: every conv a channel that its groups divide, and so on.

The network is drawn with a pen that asks where the other pens only write: what a block needs stands in
its drawing, and here once what every layer of a kind needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archkit.blocks import Draw, Pen
from archkit.errors import SpecError
from archkit.spec import drawing
from archkit.spec.options import by_stage

if TYPE_CHECKING:
    from archkit.spec.arch import ArchSpec

__all__ = ["CheckPen", "check_drawing"]


def check_drawing(spec: ArchSpec) -> None:
    """Draws a network to see whether there is one.

    Raises:
        SpecError: a conv would have no channels, groups do not divide, a map is too small, ...
    """
    parts = spec.parts
    pen = CheckPen(*spec.input)
    drawing.stem(pen, spec)
    for i, setting in enumerate(parts.stages):
        pen.stage = i
        drawing.draw_block(pen, setting, spec.channels[i], parts.strides[i], first=True)
        if spec.blocks[i] > 1:
            drawing.draw_block(pen, setting, spec.channels[i], 1, first=False)
    drawing.head(pen, spec)


class CheckPen(Pen):
    """Asks of every layer whether it is possible; the integers of one network.

    Attributes:
        stage: that is drawn, from 0; the stem counts as the first, the head as the last.
    """

    __slots__ = ("stage",)

    def __init__(self, c: int, h: int, w: int) -> None:
        super().__init__(c, h, w)
        self.stage = 0

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Checks the layer's channels."""
        groups = geometry.get("groups", 1)
        if kind == "conv":
            if out[0] < 1:
                raise self._error("a conv of stage {stage} has no channels left", "channels")
            if groups != 1 and (self.c % groups or out[0] % groups):
                raise self._error(
                    "groups={groups} does not divide {c} channels in stage {stage}", "groups", groups=groups, c=self.c
                )
        elif kind == "group_norm":
            if self.c % groups:
                raise self._error(
                    "norm=group:{groups} does not divide {c} channels in stage {stage}",
                    "norm",
                    groups=groups,
                    c=self.c,
                )
            # One value less its mean is 0, whatever it was; torch refuses such a group in one image.
            if self.c == groups and self.h == self.w == 1:
                raise self._error(
                    "norm=group:{groups} leaves single values to normalise in stage {stage}: {c} channels of 1x1",
                    "norm",
                    groups=groups,
                    c=self.c,
                )
        self.moved(out)

    def gate(self, name: str, draw: Draw) -> None:
        """Checks the gate's layers."""
        here = self.c, self.h, self.w
        draw(self)
        self.moved(here)

    def residual(
        self,
        body: Draw,
        shortcut: Draw | None = None,
        *,
        always: bool = False,
        before: Draw | None = None,
        after_before: bool = True,
    ) -> None:
        """Checks both branches."""
        entered = self.c, self.h, self.w
        if before is not None:
            before(self)
        body(self)
        out = self.c, self.h, self.w
        if shortcut is not None and (always or entered[0] != out[0]):
            self.moved(entered)
            shortcut(self)
        self.moved(out)

    def need(self, condition: Callable[[], Any], reason: str, option: str, **values: Any) -> None:
        """Asks.

        Raises:
            SpecError: it is not so.
        """
        if not condition():
            raise self._error(reason, option, **values)

    def _error(self, reason: str, option: str, **values: Any) -> SpecError:
        index = self.stage if option == "channels" or option in by_stage() else None
        return SpecError(reason.format(stage=self.stage + 1, **values), field=(option, index))
