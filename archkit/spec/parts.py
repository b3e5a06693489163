"""What the drawings of a network's parts read: everything but widths, depths and the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from archkit.blocks import FAMILIES, HeadSetting, StemSetting
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


def parts_of(values: Mapping[str, Any]) -> Parts:
    """The parts of a network, from the values of all options."""
    families = [FAMILIES[name] for name in values["block"]]
    bare = families[0].activates_first
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
        stages=tuple(family.setting(values, i, by_stage()) for i, family in enumerate(families)),
        strides=values["stride"],
        head=HeadSetting(
            pool=values["pool"],
            norm=values["norm"],
            activates=bare,
            conv=values["head_conv"],
            hidden=values["head_hidden"],
            act=act,
            norms=values["head_norm"] if families[-1].norms_pooled else "none",
        ),
    )
