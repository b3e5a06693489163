"""What the drawings of a network's parts read: everything but widths, depths and the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from archkit.blocks import FAMILIES, STEMS, HeadSetting, StemSetting
from archkit.blocks.dilation import Dilation
from archkit.errors import SpecError
from archkit.spec.options import by_stage

__all__ = ["Parts", "parts_of"]


class Parts(NamedTuple):
    """The settings of a network's parts; each is a key too, under which a drawing can be remembered.

    stem: of the stem.
    stages: for each, the setting of its family.
    strides: of the first block of each.
    head: of the head.
    """

    stem: StemSetting
    stages: tuple[Any, ...]
    strides: tuple[int, ...]
    head: HeadSetting


def _stem_stride(values: Mapping[str, Any]) -> int:
    kind = STEMS[values["stem"].kind]
    convs = len(kind.widths(kind.least)) if kind.patch else 1  # of a patch stem each has the stride
    pooled = 1 if values["stem_pool"] == "none" else 2
    return int(kind.stride**convs * pooled)


def _dilated(values: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[Dilation, ...]]:
    """The strides that `output_stride` leaves, and the dilations that it makes of the others."""
    strides, most = values["stride"], values["output_stride"]
    if not most:
        return strides, (Dilation(),) * len(strides)
    reached = _stem_stride(values)
    if reached > most:
        raise SpecError(f"the stem alone has a stride of {reached}", field=("output_stride", None))
    kept, found, dilation = [], [], 1
    for stride in strides:
        before = dilation
        if reached * stride > most:
            dilation *= stride
        else:
            reached *= stride
        kept.append(1 if dilation != before else stride)
        found.append(Dilation(before, dilation))
    return tuple(kept), tuple(found)


def parts_of(values: Mapping[str, Any]) -> Parts:
    """The parts of a network, from the values of all options.

    Raises:
        SpecError: the stem alone has more than the output stride.
    """
    families = [FAMILIES[name] for name in values["block"]]
    bare = families[0].activates_first
    strides, dilations = _dilated(values)
    of_stages = {**values, "output_stride": dilations}
    several = by_stage() | {"output_stride"}
    act = values["act"][-1] if values["ends_act"] == "last" else values["ends_act"]
    return Parts(
        stem=StemSetting(
            kind=values["stem"].kind,
            pool=values["stem_pool"],
            attn=values["stem_attn"],
            norm=values["norm"],
            bias=values["bias"],
            aa=values["aa"],
            bare=bare and not values["stem_norm"],
            act=act,
            padding=values["padding"],
            standardised=values["weight_std"],
        ),
        stages=tuple(family.setting(of_stages, i, several) for i, family in enumerate(families)),
        strides=strides,
        head=HeadSetting(
            pool=values["pool"],
            norm=values["norm"],
            activates="act" if families[-1].activates_last else "norm" if bare else "",
            conv=values["head_conv"],
            hidden=values["head_hidden"],
            hidden_bias=values["head_bias"],
            act=act,
            norms=values["head_norm"] if families[-1].norms_pooled else "none",
        ),
    )
