"""The universal inverted bottleneck of MobileNetV4: two depthwise convs, each of which a stage may leave out.

The first stands before the conv that expands, the second behind it, where an inverted residual has its own.
The names of the paper: neither is a feed-forward network (FFN), the first alone ConvNeXt's order, the second
alone an inverted bottleneck, and both ExtraDW.
"""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.convs import conv
from archkit.blocks.family import Family, add_family
from archkit.blocks.mbconv import EXPAND, ROUND
from archkit.blocks.mobile_keys import MOBILE_PLACES
from archkit.blocks.norms import normalise
from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.pooling import halve
from archkit.blocks.value_sorts import Whole
from archkit.blocks.widths import hidden_width

START: Final = Option(
    key="start",
    values=Whole(0, 31, default=0, odd=True, samples=(0, 3, 5)),
    default=0,
    by_stage=True,
    says="kernel of the depthwise conv before the one that expands; 0 for none",
)
MIDDLE: Final = Option(
    key="middle",
    values=Whole(0, 31, default=3, odd=True, samples=(3, 0, 5)),
    default=3,
    by_stage=True,
    says="kernel of the depthwise conv behind it; 0 for none. It has the stride, or else the first has",
)


def _draw(pen: Pen, at: Any, c: Any, stride: int, _first: bool) -> None:
    entered = pen.c
    pen.need(
        bool(stride == 1 or at.start or at.middle),
        "stage {stage} has a stride and no depthwise conv to have it (start and middle are 0)",
        "middle",
    )

    def depthwise(pen: Pen, name: str, kernel: int, stride: int, *, act: str | None) -> None:
        halves = at.aa != "none" and stride == 2
        at_once = 1 if halves else stride
        conv(pen, name, kernel, pen.c, stride=at_once, groups=pen.c, padding=at.padding)
        normalise(pen, "start_norm" if act is None else "norm2", at.norm)
        if act is not None:
            pen.act("act2", act)
        if halves:
            halve(pen, at.aa)

    def body(pen: Pen) -> None:
        if at.start:
            depthwise(pen, "start", at.start, 1 if at.middle else stride, act=None)
        pen.conv("expand", 1, hidden_width(entered, at.expand, at.round))
        normalise(pen, "norm1", at.norm)
        pen.act("act1", at.act)
        if at.middle:
            depthwise(pen, "depthwise", at.middle, stride, act=at.act)
        pen.conv("project", 1, c)
        normalise(pen, "norm3", at.norm)

    pen.residual(body, always=stride != 1)


add_family(
    Family(
        name="uib",
        draw=_draw,
        options=("stride", "norm", "act", "padding", START, MIDDLE, EXPAND, ROUND, "aa"),
        noun="universal inverted bottlenecks",
        places=MOBILE_PLACES,
        source="Qin et al. 2024, MobileNetV4",
    )
)
