"""Families that the language does not have, for the tests to try the drawings with."""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks import Family, Option, Pen, normalise
from archkit.blocks.lifted import lifted
from archkit.blocks.value_sorts import Whole

EXPAND: Final = Option(
    key="times", values=Whole(1, 16, default=4, samples=(4, 1, 2)), default=4, by_stage=True, says="to test"
)
GROUP_WIDTH: Final = Option(
    key="group_channels", values=Whole(1, 512, default=8, samples=(8, 1, 4)), default=8, says="to test"
)


@lifted
def quarter(c: int) -> int:
    return max(c // 4, 1)


@lifted
def evened(c: int) -> int:
    return max(c // 2 * 2, 2)


def _squeeze_and_excite(pen: Pen, width: Any) -> None:
    def factors(pen: Pen) -> None:
        c = pen.c
        pen.squeeze("squeeze")
        pen.conv("fc1", 1, width, bias=True)
        pen.act("relu")
        pen.conv("fc2", 1, c, bias=True)
        pen.act("sigmoid", "sigmoid")

    pen.gate("se", factors)


def _inverted(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """MobileNetV3's: a gate inside the body, as wide as what enters says; no projection."""
    c_in = pen.c

    def body(pen: Pen) -> None:
        wide = pen.c * at.times
        pen.conv("conv1", 1, wide)
        normalise(pen, "norm1", at.norm)
        pen.act("relu1")
        pen.conv("conv2", at.kernel, wide, stride=stride, groups=wide)
        normalise(pen, "norm2", at.norm)
        pen.act("relu2")
        _squeeze_and_excite(pen, quarter(c_in))
        pen.conv("conv3", 1, c)
        normalise(pen, "norm3", at.norm)

    pen.residual(body, always=stride != 1)


def _regnet(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """RegNet's: as many groups as the width says."""
    c_in = pen.c

    def body(pen: Pen) -> None:
        pen.conv("conv1", 1, c)
        pen.act("relu1")
        pen.conv("conv2", 3, c, stride=stride, groups=c // at.group_channels)
        pen.act("relu2")
        _squeeze_and_excite(pen, quarter(c_in))
        pen.conv("conv3", 1, c)

    pen.residual(body, lambda pen: pen.conv("conv", 1, c, stride=stride), always=stride != 1)
    pen.act("relu3")


def _convnext(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """ConvNeXt's: the first block stands behind a conv without padding, so that its sum never changes."""
    if first:
        pen.norm("down_norm", "batch_norm")
        pen.conv("down", stride, c, stride=stride, padding=0, bias=True)

    def body(pen: Pen) -> None:
        pen.conv("conv1", 7, c, groups=c, bias=True)
        pen.norm("norm", "batch_norm")
        pen.conv("conv2", 1, 4 * c, bias=True)
        pen.act("relu")
        pen.conv("conv3", 1, c, bias=True)

    pen.residual(body)


def _nested(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """Residuals in a residual, whose maps change for other widths than the outer one's."""
    middle = evened(pen.c)

    def inner(pen: Pen) -> None:
        pen.conv("inner1", 3, middle)
        normalise(pen, "inner_norm", at.norm)
        pen.act("inner_relu")

    def body(pen: Pen) -> None:
        pen.conv("conv1", 1, c, stride=stride)
        normalise(pen, "norm1", at.norm)
        pen.residual(inner, lambda pen: pen.conv("conv", 1, middle))
        pen.residual(lambda pen: pen.conv("inner2", 3, middle))
        pen.residual(lambda pen: pen.conv("inner3", 1, c))
        pen.conv("conv2", 1, c)

    pen.residual(body, lambda pen: pen.conv("conv", 1, c, stride=stride), always=stride != 1)
    pen.act("relu")


def _early_relu(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """A body that begins with an activation, which must leave the map to the shortcut."""

    def body(pen: Pen) -> None:
        pen.act("relu1")
        pen.conv("conv1", 3, c, stride=stride)
        normalise(pen, "norm1", at.norm)
        pen.act("relu2")
        pen.conv("conv2", 3, c)

    pen.residual(body, lambda pen: pen.conv("conv", 1, c, stride=stride), always=stride != 1)


def _pooled(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """What comes before the body changes the map, for both branches."""

    def before(pen: Pen) -> None:
        normalise(pen, "norm1", at.norm)
        if stride != 1:
            pen.pool("pool", "avg_pool", stride, stride)

    pen.residual(
        lambda pen: pen.conv("conv1", 3, c),
        lambda pen: pen.conv("conv", 1, c),
        always=stride != 1,
        before=before,
    )
    pen.act("relu")


def _narrow(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    """Widths that may come to nothing, and a fixed one."""
    pen.conv("conv1", 3, c - 4, stride=stride)
    pen.norm("norm1", "group_norm", 2)
    pen.conv("conv2", 1, 12)
    pen.norm("norm2", "group_norm", 12)
    pen.conv("conv3", 1, c)


OTHERS: Final = (
    Family(
        name="inverted-se", draw=_inverted, options=("stride", "norm", "kernel", EXPAND), source="to test"
    ),
    Family(name="like-regnet", draw=_regnet, options=("stride", GROUP_WIDTH), source="to test"),
    Family(name="like-convnext", draw=_convnext, options=("stride",), source="to test"),
    Family(name="nested", draw=_nested, options=("stride", "norm"), source="to test"),
    Family(name="early-relu", draw=_early_relu, options=("stride", "norm"), source="to test"),
    Family(name="pooled", draw=_pooled, options=("stride", "norm"), source="to test"),
    Family(name="narrow", draw=_narrow, options=("stride",), source="to test"),
)
"""Each tries something that none of the language's own families does."""
