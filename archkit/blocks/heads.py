"""What stands behind the last stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from archkit.blocks.norms import Norm, normalise
from archkit.blocks.pen import Pen
from archkit.blocks.value_sorts import MaxPool

__all__ = ["HEAD_KEYS", "HeadSetting", "draw_head"]


class HeadSetting(NamedTuple):
    """Everything that decides how a head is drawn, except the number of classes and what enters."""

    pool: int | MaxPool | None
    norm: Norm
    activates: bool  # the last pre-activation block leaves its sum as it is
    conv: int = 0  # channels of the 1x1 conv before the pooling, if there is one
    hidden: tuple[int, ...] = ()  # outputs of the linear layers before the last
    act: str = "relu"
    norms: str = "none"  # what else is normed: the map that enters, or what has been pooled


def draw_head(pen: Pen, at: HeadSetting, classes: Any) -> None:
    """Draws the pooling and the linear layers, which have a bias whatever the convs have."""
    if at.activates:
        normalise(pen, "norm", at.norm)
        pen.act("relu")
    if at.norms == "map":
        normalise(pen, "norm", at.norm)
    if at.conv:
        pen.conv("conv", 1, at.conv)
        normalise(pen, "conv_norm", at.norm)
        pen.act("conv_act", at.act)
    if at.pool is None:
        pen.global_pool("pool")
    else:
        maxima = isinstance(at.pool, MaxPool)
        window = at.pool.size if isinstance(at.pool, MaxPool) else at.pool
        for size in (pen.h, pen.w):
            pen.need(
                size >= window,
                "pool={pool} is larger than the last map, {h}x{w}",
                "pool",
                pool=f"max:{window}" if maxima else window,
                h=pen.h,
                w=pen.w,
            )
        pen.pool("pool", "max_pool" if maxima else "avg_pool", window, window)
    if at.norms == "pooled":
        normalise(pen, "norm", at.norm)
    pen.flatten("flatten")
    for i, outputs in enumerate(at.hidden, 1):
        pen.linear(f"fc{i}", outputs)
        pen.act(f"act{i}", at.act)
    pen.linear("fc", classes)


HEAD_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "timm": {"pool": "global_pool.pool", "flatten": "global_pool.flatten", "fc": "fc"},
    "torchvision": {"pool": "avgpool", "fc": "fc"},
}
"""For a library, the names that the head's layers have in its ResNet, however the head is drawn."""
