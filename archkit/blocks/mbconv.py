"""The blocks of mobile networks: inverted residuals, and depthwise separable convs.

Sources: Howard et al. 2017 (MobileNetV1: depthwise), Sandler et al. 2018 (MobileNetV2: mbconv), Tan et al.
2019 (MnasNet: kernels of 5, attention inside), Howard et al. 2019 (MobileNetV3), Tan and Le 2019
(EfficientNet; MixNet: kernels side by side), Tan and Le 2021 (EfficientNetV2: fused-mbconv).
"""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.convs import conv, groups_of
from archkit.blocks.dilation import OUTPUT_STRIDE, Dilation
from archkit.blocks.family import Family, add_family
from archkit.blocks.mobile_keys import MOBILE_PLACES
from archkit.blocks.norms import normalise
from archkit.blocks.number_sorts import Ratio
from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.pooling import halve
from archkit.blocks.squeeze import SE, squeeze_and_excite
from archkit.blocks.value_sorts import Switch, Whole, Words
from archkit.blocks.widths import hidden_width

EXPAND: Final = Option(
    key="expand",
    values=Ratio(1, 64, samples=(6, 1, 4)),
    default=lambda values: (1,) + (6,) * (len(values["blocks"]) - 1),
    by_stage=True,
    says="hidden channels over those that enter the block",
    shown="`[1,6,6,...]`, decimals too",
)
ROUND: Final = Option(
    key="round",
    values=Whole(1, 256, default=8, samples=(8, 1, 4)),
    default=8,
    says="hidden channels are a multiple of this, and no more than a tenth below what `expand` says",
)
EXPAND_CONV: Final = Option(
    key="expand_conv",
    values=Words(("wider", "always")),
    default="wider",
    says="whether a block whose hidden channels are as many as enter (`expand=1`) has the conv that expands",
)
SKIP: Final = Option(
    key="skip",
    values=Switch(default=True),
    default=True,
    by_stage=True,
    says="whether a block adds what enters it, where that has the shape of what leaves",
)
GROUP_WIDTH: Final = Option(
    key="group_width",
    values=Whole(0, 65_536, default=0, samples=(0, 1, 2, 4)),
    default=0,
    by_stage=True,
    says="channels of each group of the block's middle conv (RegNet's); 0 is what the family has: one channel"
    " each (depthwise), or a single group for all (fused-mbconv, regnet)",
)
MIX: Final = Option(
    key="mix",
    values=Whole(1, 8, default=1, samples=(1, 2, 3)),
    default=1,
    by_stage=True,
    says="kernels side by side in the depthwise conv, each on its share of the channels: `kernel`, and 2 more"
    " for each further one (MixConv)",
)
SPLIT: Final = Option(
    key="split",
    values=Words(("none", "project", "both")),
    default="none",
    by_stage=True,
    says="which of a block's 1x1 convs are two, side by side: the last one, or the first one too (MixNet)",
)


def _mbconv(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    entered = pen.c

    def body(pen: Pen) -> None:
        if at.expand != 1 or at.expand_conv == "always":
            _pointwise(pen, "expand", hidden_width(entered, at.expand, at.round), halves=at.split == "both")
            normalise(pen, "norm1", at.norm)
            pen.act("act1", at.act)
        _middle(pen, at, stride, "2", first=first)
        squeeze_and_excite(pen, at.se, entered, at.act)
        _pointwise(pen, "project", c, halves=at.split != "none")
        normalise(pen, "norm3", at.norm)

    pen.residual(body, always=stride != 1 or not at.skip)


def _pointwise(pen: Pen, name: str, c_out: Any, *, halves: bool) -> None:
    if halves:
        pen.mix(name, (1, 1), c_out)
    else:
        pen.conv(name, 1, c_out)


def _fused(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    entered = pen.c
    wider = at.expand != 1 or at.expand_conv == "always"
    halves = at.aa != "none" and stride == 2
    how: dict[str, Any] = {"stride": 1 if halves else stride, "padding": at.padding}
    how["dilation"] = at.output_stride.of_block(at.kernel, first=first)

    def body(pen: Pen) -> None:
        if wider:
            hidden = hidden_width(entered, at.expand, at.round)
            groups = groups_of(pen, hidden, at.group_width) if at.group_width else 1
            conv(pen, "expand", at.kernel, hidden, groups=groups, **how)
        else:
            conv(pen, "conv", at.kernel, c, **how)
        normalise(pen, "norm1", at.norm)
        pen.act("act1", at.act)
        if halves:
            halve(pen, at.aa)
        if not wider:
            return
        squeeze_and_excite(pen, at.se, entered, at.act)
        pen.conv("project", 1, c)
        normalise(pen, "norm2", at.norm)

    pen.residual(body, always=stride != 1 or not at.skip)


def _depthwise(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    entered = pen.c
    _middle(pen, at, stride, "1", first=first)
    squeeze_and_excite(pen, at.se, entered, at.act)
    pen.conv("pointwise", 1, c, bias=at.bias)
    normalise(pen, "norm2", at.norm)
    pen.act("act2", at.act)


def _middle(pen: Pen, at: Any, stride: int, number: str, *, first: bool) -> None:
    """The depthwise conv, its norm and its activation, and the pooling that may take its stride's place."""
    halves = at.aa != "none" and stride == 2
    c = pen.c
    groups = c if at.group_width <= 1 else groups_of(pen, c, at.group_width)
    at_once = 1 if halves else stride
    mix = getattr(at, "mix", 1)
    if mix == 1:
        bias = getattr(at, "bias", False)
        how: dict[str, Any] = {"stride": at_once, "groups": groups, "bias": bias}
        how["dilation"] = at.output_stride.of_block(at.kernel, first=first)
        conv(pen, "depthwise", at.kernel, c, padding=at.padding, **how)
    else:
        pen.need(at.group_width <= 1, "kernels side by side (mix={mix}) are depthwise", "mix", mix=mix)
        pen.need(
            at.output_stride == Dilation(), "kernels side by side (mix={mix}) are not dilated", "mix", mix=mix
        )
        kernels = tuple(at.kernel + 2 * i for i in range(mix))
        same = at.padding == "same" and at_once != 1
        if same:
            pen.pad("depthwise_pad", kernels[-1], at_once)
        pen.mix("depthwise", kernels, c, stride=at_once, groups=c, padding=0 if same else None)
    normalise(pen, f"norm{number}", at.norm)
    pen.act(f"act{number}", at.act)
    if halves:
        halve(pen, at.aa)


_SHARED: Final = ("kernel", "stride", OUTPUT_STRIDE, "norm", "act", "ends_act", SE, "padding")

add_family(
    Family(
        name="mbconv",
        draw=_mbconv,
        options=(*_SHARED, EXPAND, ROUND, EXPAND_CONV, SKIP, GROUP_WIDTH, MIX, SPLIT, "aa"),
        places=MOBILE_PLACES,
        source="Sandler et al. 2018, MobileNetV2; Tan and Le 2019, EfficientNet",
    )
)
add_family(
    Family(
        name="fused-mbconv",
        draw=_fused,
        options=(*_SHARED, EXPAND, ROUND, EXPAND_CONV, SKIP, GROUP_WIDTH, "aa"),
        places=MOBILE_PLACES,
        source="Tan and Le 2021, EfficientNetV2",
    )
)
add_family(
    Family(
        name="depthwise",
        draw=_depthwise,
        options=(*_SHARED, GROUP_WIDTH, "aa", "bias"),
        noun="depthwise separable blocks",
        places=MOBILE_PLACES,
        source="Howard et al. 2017, MobileNets",
    )
)
