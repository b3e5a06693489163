"""timm's kin of RegNet: V, with pre-activation, and Z, with an expansion (Dollar et al. 2021).

V norms and activates what enters a block, and its shortcut takes that too, so that it does not add what the
block before put out. Z is an inverted residual whose hidden channels follow what leaves the block; nothing
stands on its shortcut, and no activation behind its sum. Behind the last block both have one more activation.
"""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.activations import named
from archkit.blocks.convs import groups_of
from archkit.blocks.family import Family, Places, add_family
from archkit.blocks.mbconv import GROUP_WIDTH
from archkit.blocks.norms import normalise
from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.shortcuts import draw_shortcut
from archkit.blocks.squeeze import SE, squeeze_and_excite
from archkit.blocks.value_sorts import Whole

RATIO: Final = Option(
    key="ratio",
    values=Whole(1, 64, default=4, samples=(4, 1, 2)),
    default=4,
    says="hidden channels over those that leave the block",
)


def _groups(pen: Pen, at: Any, c: Any) -> Any:
    return groups_of(pen, c, at.group_width) if at.group_width else 1


def _draw_v(pen: Pen, at: Any, c: Any, stride: int, _first: bool) -> None:
    entered = pen.c
    normalise(pen, "norm1", at.norm)
    pen.act("act1", at.act)

    def body(pen: Pen) -> None:
        pen.conv("conv1", 1, c)
        normalise(pen, "norm2", at.norm)
        pen.act("act2", at.act)
        pen.conv("conv2", at.kernel, c, stride=stride, groups=_groups(pen, at, c))
        squeeze_and_excite(pen, at.se, entered, at.act)
        normalise(pen, "norm3", at.norm)
        pen.act("act3", at.act)
        pen.conv("conv3", 1, c)

    def shortcut(pen: Pen) -> None:
        draw_shortcut(pen, at.shortcut, c, stride)

    pen.residual(body, shortcut, always=stride != 1)


def _draw_z(pen: Pen, at: Any, c: Any, stride: int, _first: bool) -> None:
    entered, hidden = pen.c, at.ratio * c

    def body(pen: Pen) -> None:
        pen.conv("conv1", 1, hidden)
        normalise(pen, "norm1", at.norm)
        pen.act("act1", at.act)
        pen.conv("conv2", at.kernel, hidden, stride=stride, groups=_groups(pen, at, hidden))
        normalise(pen, "norm2", at.norm)
        pen.act("act2", at.act)
        squeeze_and_excite(pen, at.se, entered, at.act)
        pen.conv("conv3", 1, c)
        normalise(pen, "norm3", at.norm)

    pen.residual(body, always=stride != 1)


_GATE: Final = {"se.fc1": "se.fc1", "se.act": "se.act", "se.fc2": "se.fc2", "se.gate": "se.gate"}


def _network(spec: Any, stem: dict[str, str], inside: Any) -> Places:
    act = named(spec.act[-1])
    head = {"conv": "final_conv.conv", "conv_norm": "final_conv.bn", "conv_act": "final_conv.bn.act"}
    head |= {act: "final_conv", "fc": "head.fc"}
    head |= {"pool": "head.global_pool.pool", "flatten": "head.global_pool.flatten"}
    blocks = [[f"s{i}.b{j}." for j in range(1, n + 1)] for i, n in enumerate(spec.blocks, 1)]
    return Places("RegNet", stem, head, blocks, inside)


def _timm_v(spec: Any) -> Places:
    def inside(at: Any) -> dict[str, str]:
        found = {f"conv{i}": f"conv{i}" for i in (1, 2, 3)} | {f"norm{i}": f"norm{i}" for i in (1, 2, 3)}
        found |= {f"act{i}": f"norm{i}.act" for i in (1, 2, 3)}
        side = {"shortcut.pool": "downsample.0", "shortcut.conv": "downsample.1"}
        return {**found, **_GATE, **(side if at.shortcut == "avg" else {"shortcut.conv": "downsample"})}

    return _network(spec, {"conv": "stem"}, inside)


def _timm_z(spec: Any) -> Places:
    inside = {f"conv{i}": f"conv{i}.conv" for i in (1, 2, 3)} | {f"norm{i}": f"conv{i}.bn" for i in (1, 2, 3)}
    inside |= {"act1": "conv1.bn.act", "act2": "conv2.bn.act", **_GATE}
    stem = {"conv": "stem.conv", "norm": "stem.bn", named(spec.act[-1]): "stem.bn.act"}
    return _network(spec, stem, lambda _: inside)


_SHARED: Final = ("kernel", "stride", "norm", "act", SE, GROUP_WIDTH)

add_family(
    Family(
        name="regnetv",
        draw=_draw_v,
        options=(*_SHARED, "shortcut"),
        noun="RegNet-V blocks",
        activates_first=True,
        activates_last=True,
        places={"timm": _timm_v},
        source="timm, models/regnet.py",
    )
)
add_family(
    Family(
        name="regnetz",
        draw=_draw_z,
        options=(*_SHARED, RATIO),
        noun="RegNet-Z blocks",
        activates_last=True,
        places={"timm": _timm_z},
        source="Dollar et al. 2021, Fast and Accurate Model Scaling",
    )
)
