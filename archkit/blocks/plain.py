"""VGG's block (Simonyan and Zisserman 2015): a conv, a norm if there is one, and an activation; no sum.

A stage with a stride begins with max pooling, where VGG's stages end with it: so the pooling behind the last
stage is the head's (`pool=max:2`). Or the first conv has the stride, as in plain networks since.
"""

from __future__ import annotations

from typing import Any, Final

from archkit.blocks.family import Family, Places, add_family
from archkit.blocks.norms import normalise
from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.value_sorts import Words

DOWN: Final = Option(
    key="down",
    values=Words(("max", "conv")),
    default="max",
    says="what has the stride of a stage: max pooling before it (VGG), or its first conv",
)


def _draw(pen: Pen, at: Any, c: Any, stride: int, _first: bool) -> None:
    pools = at.down == "max" and stride != 1
    if pools:
        pen.pool("pool", "max_pool", stride, stride)
    pen.conv("conv", at.kernel, c, stride=1 if pools else stride, bias=at.bias)
    normalise(pen, "norm", at.norm)
    pen.act("act", at.act)


def _layers(spec: Any) -> dict[str, str]:
    """All of them in one chain, `features`; the first of the pools stands behind the first stage."""
    found, number = {}, 0
    each = ["conv", "act"] if spec.norm.kind == "none" else ["conv", "norm", "act"]
    for i, n in enumerate(spec.blocks, 1):
        for j in range(1, n + 1):
            pool = ["pool"] if j == 1 and spec.parts.strides[i - 1] != 1 else []
            for name in (*pool, *each):
                found[f"stage{i}.block{j}.{name}"] = f"features.{number}"
                number += 1
    return {**found, "head.pool": f"features.{number}"}


def _timm(spec: Any) -> Places:
    head = {"fc1": "pre_logits.fc1", "act1": "pre_logits.act1", "fc": "head.fc"}
    head |= {"fc2": "pre_logits.fc2", "act2": "pre_logits.act2", "flatten": "head.global_pool.flatten"}
    return Places("VGG", {}, head, [], lambda _: {}, _layers(spec))


def _torchvision(spec: Any) -> Places:
    head = {"fc1": "classifier.0", "act1": "classifier.1", "fc2": "classifier.3", "act2": "classifier.4"}
    return Places("VGG", {}, {**head, "fc": "classifier.6"}, [], lambda _: {}, _layers(spec))


add_family(
    Family(
        name="plain",
        draw=_draw,
        options=("kernel", "stride", "norm", "act", "bias", DOWN),
        noun="plain blocks",
        places={"timm": _timm, "torchvision": _torchvision},
        source="Simonyan and Zisserman 2015, Very Deep Convolutional Networks",
    )
)
