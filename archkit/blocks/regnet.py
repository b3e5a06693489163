"""RegNet's X and Y blocks (Radosavovic et al. 2020): a bottleneck without an expansion, its groups by width.

Y is X with squeeze-and-excitation behind the middle conv, to a quarter of the channels that enter the block.
"""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.activations import named
from archkit.blocks.convs import groups_of
from archkit.blocks.dilation import OUTPUT_STRIDE
from archkit.blocks.family import Family, Places, add_family
from archkit.blocks.mbconv import GROUP_WIDTH
from archkit.blocks.norms import normalise
from archkit.blocks.pen import Pen
from archkit.blocks.squeeze import SE, squeeze_and_excite


def _draw(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    entered = pen.c

    def body(pen: Pen) -> None:
        pen.conv("conv1", 1, c)
        normalise(pen, "norm1", at.norm)
        pen.act("act1", at.act)
        groups = groups_of(pen, c, at.group_width) if at.group_width else 1
        pen.conv(
            "conv2",
            at.kernel,
            c,
            stride=stride,
            groups=groups,
            dilation=at.output_stride.of_block(at.kernel, first=first),
        )
        normalise(pen, "norm2", at.norm)
        pen.act("act2", at.act)
        squeeze_and_excite(pen, at.se, entered, at.act)
        pen.conv("conv3", 1, c)
        normalise(pen, "norm3", at.norm)

    def shortcut(pen: Pen) -> None:
        pen.conv("conv", 1, c, stride=stride)
        normalise(pen, "norm", at.norm)

    # timm projects where the dilation grows too.
    pen.residual(
        body,
        shortcut,
        always=stride != 1 or (first and at.output_stride.entering != at.output_stride.further),
    )
    pen.act("act3", at.act)


_GATE: Final = ("fc1", "act", "fc2", "gate")


def _timm(spec: Any) -> Places:
    act = named(spec.act[-1])
    inside = {"act3": "act3", "shortcut.conv": "downsample.conv", "shortcut.norm": "downsample.bn"}
    for i in (1, 2, 3):
        inside |= {f"conv{i}": f"conv{i}.conv", f"norm{i}": f"conv{i}.bn"}
    inside |= {"act1": "conv1.bn.act", "act2": "conv2.bn.act"}
    inside |= dict(
        zip((f"se.{name}" for name in _GATE), ("se.fc1", "se.act", "se.fc2", "se.gate"), strict=True)
    )
    return Places(
        network="RegNet",
        stem={"conv": "stem.conv", "norm": "stem.bn", act: "stem.bn.act"},
        head={"pool": "head.global_pool.pool", "flatten": "head.global_pool.flatten", "fc": "head.fc"},
        blocks=[[f"s{i}.b{j}." for j in range(1, n + 1)] for i, n in enumerate(spec.blocks, 1)],
        inside=lambda _: inside,
    )


def _torchvision(spec: Any) -> Places:
    act = named(spec.act[-1])
    inside = {"act3": "activation", "shortcut.conv": "proj.0", "shortcut.norm": "proj.1"}
    for i, letter in enumerate("abc", 1):
        inside |= {f"conv{i}": f"f.{letter}.0", f"norm{i}": f"f.{letter}.1", f"act{i}": f"f.{letter}.2"}
    there = ("fc1", "activation", "fc2", "scale_activation")
    inside |= {f"se.{ours}": f"f.se.{theirs}" for ours, theirs in zip(_GATE, there, strict=True)}
    return Places(
        network="RegNet",
        stem={"conv": "stem.0", "norm": "stem.1", act: "stem.2"},
        head={"pool": "avgpool", "fc": "fc"},
        blocks=[
            [f"trunk_output.block{i}.block{i}-{j}." for j in range(n)] for i, n in enumerate(spec.blocks, 1)
        ],
        inside=lambda _: inside,
    )


add_family(
    Family(
        name="regnet",
        draw=_draw,
        options=("kernel", "stride", "norm", "act", SE, GROUP_WIDTH, OUTPUT_STRIDE),
        noun="RegNet blocks",
        places={"timm": _timm, "torchvision": _torchvision},
        source="Radosavovic et al. 2020, Designing Network Design Spaces",
    )
)
