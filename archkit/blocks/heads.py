"""What stands behind the last stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from archkit.blocks.activations import activate
from archkit.blocks.norms import Norm, normalise
from archkit.blocks.pen import Pen
from archkit.blocks.sides import Sides, both, by_sides
from archkit.blocks.value_sorts import MaxPool

__all__ = ["HEAD_KEYS", "HeadSetting", "draw_head"]


class HeadSetting(NamedTuple):
    """Everything that decides how a head is drawn, except the number of classes and what enters."""

    pool: Sides | MaxPool | None
    norm: Norm
    activates: str  # "norm" and activation, the "act" alone, or "": what the last block leaves to the head
    conv: int = 0  # channels of the 1x1 conv before the pooling, if there is one
    hidden: tuple[int, ...] = ()  # outputs of the linear layers before the last
    hidden_bias: str = "yes"  # or "no", or "norm": a norm in its place
    act: str = "relu"
    norms: str = "none"  # what else is normed: the map that enters, or what has been pooled


def draw_head(pen: Pen, at: HeadSetting, classes: Any) -> None:
    """Draws the pooling and the linear layers; the last has a bias whatever the others and the convs have."""
    if at.activates == "norm":
        normalise(pen, "norm", at.norm)
        pen.act("relu")
    elif at.activates and not at.conv:
        activate(pen, at.act)
    if at.norms == "map":
        normalise(pen, "norm", at.norm)
    if at.conv:
        pen.conv("conv", 1, at.conv)
        normalise(pen, "conv_norm", at.norm)
        pen.act("conv_act", at.act)
    if at.pool is None:
        pen.global_pool("pool")
    else:
        _pool(pen, at.pool)
    if at.norms == "pooled":
        normalise(pen, "norm", at.norm)
    if at.hidden_bias != "yes":
        pen.need(
            bool(at.hidden), "head_bias is about the layers of head_hidden, and there are none", "head_bias"
        )
    normed = at.hidden_bias == "norm"
    for i, outputs in enumerate(at.hidden if normed else (), 1):
        pen.conv(f"fc{i}", 1, outputs)
        normalise(pen, f"norm{i}", at.norm)
        pen.act(f"act{i}", at.act)
    pen.flatten("flatten")
    for i, outputs in enumerate(() if normed else at.hidden, 1):
        pen.linear(f"fc{i}", outputs, bias=at.hidden_bias == "yes")
        pen.act(f"act{i}", at.act)
    pen.linear("fc", classes)


def _pool(pen: Pen, pool: Sides | MaxPool) -> None:
    """Windows side by side; of one that is not square there is no second, since a stride is one number."""
    maxima = isinstance(pool, MaxPool)
    window = pool.size if isinstance(pool, MaxPool) else pool
    said = f"max:{window}" if maxima else window if isinstance(window, int) else by_sides(window)
    sides = tuple(zip((pen.h, pen.w), both(window), strict=True))
    for size, k in sides:
        fits = "pool={pool} is larger than the last map, {h}x{w}"
        pen.need(size >= k, fits, "pool", pool=said, h=pen.h, w=pen.w)
    for size, k in sides if isinstance(window, tuple) else ():
        once = "pool={pool} is one window, and the last map, {h}x{w}, has room for a second"
        pen.need(size < 2 * k, once, "pool", pool=said, h=pen.h, w=pen.w)
    pen.pool("pool", "max_pool" if maxima else "avg_pool", window, max(both(window)))


HEAD_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "timm": {"pool": "global_pool.pool", "flatten": "global_pool.flatten", "fc": "fc"},
    "torchvision": {"pool": "avgpool", "fc": "fc"},
}
"""For a library, the names that the head's layers have in its ResNet, however the head is drawn."""
