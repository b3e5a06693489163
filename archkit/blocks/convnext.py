"""ConvNeXt's block (Liu et al. 2022): a depthwise conv, a norm, and two 1x1 convs with an activation between.

A stage with a stride begins with a norm and a conv whose windows do not overlap. All convs have a bias, and
what the body puts out is scaled channel by channel. ConvNeXt V2 (Woo et al. 2023) norms what the activation
puts out by its response over the whole map instead.
"""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.activations import named
from archkit.blocks.family import Family, Places, add_family
from archkit.blocks.norms import Norm, normalise
from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.stems import STEMS
from archkit.blocks.value_sorts import Switch

_EXPANSION: Final = 4

LAYER_SCALE: Final = Option(
    key="layer_scale",
    values=Switch(),
    default=True,
    says="whether a factor for each channel, which is learned, scales what the body puts out",
    shown="`yes` `no`",
)
GRN: Final = Option(
    key="grn",
    values=Switch(),
    default=False,
    says="whether global response normalisation stands behind the activation (ConvNeXt V2)",
)


def _draw(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    if first and stride != 1:
        normalise(pen, "down_norm", at.norm)
        pen.conv("down", stride, c, stride=stride, padding=0, bias=True)
    elif first:
        pen.need(
            pen.c == c,
            "stage {stage} has a stride of 1 and so keeps the {entered} channels that enter it, not {c}",
            "channels",
            entered=pen.c,
            c=c,
        )

    def body(pen: Pen) -> None:
        pen.conv("depthwise", at.kernel, c, groups=c, bias=True)
        normalise(pen, "norm", at.norm)
        pen.conv("expand", 1, _EXPANSION * c, bias=True)
        pen.act("act", at.act)
        if at.grn:
            pen.response_norm("grn")
        pen.conv("project", 1, c, bias=True)
        if at.layer_scale:
            pen.layer_scale("layer_scale")

    pen.residual(body)


def _downs(there: list[str]) -> dict[str, str]:
    """The norm and the conv that a stage begins with stand apart from its blocks there."""
    names = ("down_norm", "down")
    return {
        f"stage{i}.block1.{name}": f"{chain}.{k}"
        for i, chain in enumerate(there, 1)
        for k, name in enumerate(names)
    }


def _timm(spec: Any) -> Places:
    inside = {"depthwise": "conv_dw", "norm": "norm", "layer_scale": "gamma="}
    inside |= {"expand": "mlp.fc1", "act": "mlp.act", "grn": "mlp.grn", "project": "mlp.fc2"}
    head = {"pool": "head.global_pool.pool", "norm": "head.norm", "flatten": "head.flatten"}
    head |= {"fc1": "head.pre_logits.fc", "act1": "head.pre_logits.act", "fc": "head.fc"}
    stem = {"conv": "stem.0", "norm": "stem.1"}
    if len(spec.stem.widths) == 2:
        between = STEMS[spec.stem.kind].acts
        stem = {"conv1": "stem.0", "conv2": f"stem.{1 + between}", "norm": f"stem.{2 + between}"}
        stem[f"{named(spec.act[-1])}1"] = "stem.1"
    if spec.head_norm == "map":
        head["norm"] = "norm_pre"
        head["flatten"] = "head.global_pool.flatten"
    stages = range(len(spec.blocks))
    return Places(
        network="ConvNeXt",
        stem=stem,
        head=head,
        blocks=[[f"stages.{i}.blocks.{j}." for j in range(spec.blocks[i])] for i in stages],
        inside=lambda _: inside,
        layers=_downs([f"stages.{i}.downsample" for i in stages]),
    )


def _torchvision(spec: Any) -> Places:
    inside = {"depthwise": "block.0", "norm": "block.2", "layer_scale": "layer_scale="}
    inside |= {"expand": "block.3", "act": "block.4", "project": "block.5"}
    stages = range(len(spec.blocks))
    return Places(
        network="ConvNeXt",
        stem={"conv": "features.0.0", "norm": "features.0.1"},
        head={"pool": "avgpool", "norm": "classifier.0", "flatten": "classifier.1", "fc": "classifier.2"},
        blocks=[[f"features.{2 * i + 1}.{j}." for j in range(spec.blocks[i])] for i in stages],
        inside=lambda _: inside,
        layers=_downs([f"features.{2 * i}" for i in stages]),
    )


add_family(
    Family(
        name="convnext",
        draw=_draw,
        options=("kernel", "stride", "norm", "act", "head_norm", LAYER_SCALE, GRN),
        defaults={"kernel": 7, "norm": Norm("layer"), "act": "gelu"},
        noun="ConvNeXt blocks",
        norms_pooled=True,
        places={"timm": _timm, "torchvision": _torchvision},
        source="Liu et al. 2022, A ConvNet for the 2020s; Woo et al. 2023, ConvNeXt V2",
    )
)
