"""What timm and torchvision call the layers of mobile networks.

timm has one EfficientNet for them all, and a MobileNetV3 whose head pools before its last conv. torchvision
has a network of its own for MobileNetV2, MobileNetV3, MnasNet and EfficientNet: a spec's activation and head
tell them apart, since none of them lets its user choose these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from archkit.blocks.activations import named
from archkit.blocks.family import Places

__all__ = ["MOBILE_PLACES"]


def _timm(spec: Any) -> Places | None:
    act, v3 = spec.parts.stem.act, bool(spec.head_hidden)
    stem = {"conv": "conv_stem", "norm": "bn1", named(act): "bn1.act"}
    stages = _timm_stages(spec)
    if not v3:
        head = {"conv": "conv_head", "conv_norm": "bn2", "conv_act": "bn2.act"}
        head |= {"pool": "global_pool.pool", "flatten": "global_pool.flatten", "fc": "classifier"}
    else:
        # The conv before the pooling is its last stage, and the hidden layer a conv of the pooled map.
        stage, block = (int(n) for n in stages[-1][-1].split(".")[1:3])
        at = spec.parts.stages[-1]
        joins = at.family.name == "fused-mbconv" and at.kernel == 1  # a conv alone, as that one is
        last = f"blocks.{stage}.{block + 1}" if joins else f"blocks.{stage + 1}.0"
        head = {"conv": f"{last}.conv", "conv_norm": f"{last}.bn1", "conv_act": f"{last}.bn1.act"}
        head |= {"pool": "global_pool.pool", "flatten": "flatten", "fc": "classifier"}
        head |= {"fc1": "conv_head", "norm1": "norm_head"}
        head |= {"act1": "norm_head.act" if spec.head_bias == "norm" else "act2"}
    return Places("MobileNetV3" if v3 else "EfficientNet", stem, head, stages, _inside_timm)


def _timm_stages(spec: Any) -> list[list[str]]:
    """Timm numbers runs of blocks as one stage as long as neither the stride nor the width changes."""
    stage, block, found = -1, 0, []
    widths = spec.channels
    for i, n in enumerate(spec.blocks):
        if i == 0 or spec.parts.strides[i] != 1 or widths[i] != widths[i - 1]:
            stage, block = stage + 1, 0
        found.append([f"blocks.{stage}.{block + j}." for j in range(n)])
        block += n
    return found


def _inside_timm(at: Any) -> dict[str, str]:
    family = at.family.name
    if family == "depthwise" or (family == "mbconv" and at.expand == 1 and at.expand_conv == "wider"):
        # It has a block for these that does without the first conv.
        first, last = ("1", "2") if family == "depthwise" else ("2", "3")
        found = {"depthwise": "conv_dw", f"norm{first}": "bn1", f"act{first}": "bn1.act"}
        found |= {"project": "conv_pw", "pointwise": "conv_pw", f"norm{last}": "bn2", f"act{last}": "bn2.act"}
    elif family == "mbconv":
        found = {"expand": "conv_pw", "depthwise": "conv_dw", "project": "conv_pwl"}
        found |= {f"norm{i}": f"bn{i}" for i in (1, 2, 3)} | {f"act{i}": f"bn{i}.act" for i in (1, 2)}
    elif family == "uib":
        there = {"start": "dw_start", "expand": "pw_exp", "depthwise": "dw_mid", "project": "pw_proj"}
        norms = ("start_norm", "norm1", "norm2", "norm3")
        found = {ours: f"{name}.conv" for ours, name in there.items()}
        found |= {norm: f"{name}.bn" for norm, name in zip(norms, there.values(), strict=True)}
        found |= {"act1": "pw_exp.bn.act", "act2": "dw_mid.bn.act"}
        return {**found, "aa": "dw_mid.aa" if at.middle else "dw_start.aa"}
    else:
        found = {"conv": "conv", "expand": "conv_exp", "project": "conv_pwl"}
        found |= {"norm1": "bn1", "act1": "bn1.act", "norm2": "bn2"}
    gate = {"fc1": "conv_reduce", "act": "act1", "fc2": "conv_expand", "gate": "gate"}
    return {**found, "aa": "aa", **{f"se.{ours}": f"se.{theirs}" for ours, theirs in gate.items()}}


def _torchvision(spec: Any) -> Places | None:
    act = spec.act[-1]
    if spec.head_hidden:
        return _v3(spec)
    return {"relu6": _v2, "silu": _efficientnet, "relu": _mnasnet}.get(act, lambda _: None)(spec)


def _features(spec: Any, last: int, classifier: str) -> tuple[dict[str, str], dict[str, str]]:
    """The stem and the head where all convs stand in `features`."""
    act = spec.parts.stem.act
    stem = {"conv": "features.0.0", "norm": "features.0.1", named(act): "features.0.2"}
    end = {"conv": 0, "conv_norm": 1, "conv_act": 2}
    head = {ours: f"features.{last}.{i}" for ours, i in end.items()}
    return stem, {**head, "pool": "avgpool", "fc": classifier}


def _flat(spec: Any) -> list[list[str]]:
    numbers = count(1)
    return [[f"features.{next(numbers)}." for _ in range(n)] for n in spec.blocks]


def _v2(spec: Any) -> Places:
    stem, head = _features(spec, 1 + sum(spec.blocks), "classifier.1")
    del head["pool"]  # a function

    def inside(at: Any) -> dict[str, str]:
        return _in_order(at, "conv", project_apart=True) if at.family.name == "mbconv" else {}

    return Places("MobileNetV2", stem, head, _flat(spec), inside)


def _v3(spec: Any) -> Places:
    stem, head = _features(spec, 1 + sum(spec.blocks), "classifier.3")
    head |= {"fc1": "classifier.0", "act1": "classifier.1"}
    return Places("MobileNetV3", stem, head, _flat(spec), _in_mbconv)


def _efficientnet(spec: Any) -> Places:
    stem, head = _features(spec, 1 + len(spec.blocks), "classifier.1")
    blocks = [[f"features.{i}.{j}." for j in range(n)] for i, n in enumerate(spec.blocks, 1)]
    return Places("EfficientNet", stem, head, blocks, _in_mbconv)


def _in_mbconv(at: Any) -> dict[str, str]:
    return {} if at.family.name == "depthwise" else _in_order(at, "block")


def _in_order(at: Any, chain: str, *, project_apart: bool = False) -> dict[str, str]:
    """The layers of a block in a chain of conv-norm-activations, attention and convs, by their numbers.

    Args:
        at: the block's setting.
        chain: its name.
        project_apart: whether the last conv and its norm stand in the chain by themselves.
    """
    wide = at.expand != 1 or at.expand_conv == "always"
    groups: list[tuple[str, str, str]]
    if at.family.name == "mbconv":
        groups = [("expand", "norm1", "1")] * wide + [("depthwise", "norm2", "2")]
    else:
        groups = [("expand" if wide else "conv", "norm1", "1")]
    found: dict[str, str] = {}
    for i, (conv, norm, number) in enumerate(groups):
        each = (conv, norm, f"act{number}")
        found |= {name: f"{chain}.{i}.{j}" for j, name in enumerate(each)}
    at_last = len(groups)
    if at.se.kind != "none":
        gate = {"fc1": "fc1", "act": "activation", "fc2": "fc2", "gate": "scale_activation"}
        found |= {f"se.{ours}": f"{chain}.{at_last}.{theirs}" for ours, theirs in gate.items()}
        at_last += 1
    norm = "norm3" if at.family.name == "mbconv" else "norm2"
    places = (at_last, at_last + 1) if project_apart else (f"{at_last}.0", f"{at_last}.1")
    return {**found, "project": f"{chain}.{places[0]}", norm: f"{chain}.{places[1]}"}


def _mnasnet(spec: Any) -> Places:
    act = spec.parts.stem.act
    stem = {"conv": "layers.0", "norm": "layers.1", named(act): "layers.2"}
    last = 7 + len(spec.blocks)
    head = {"conv": f"layers.{last}", "conv_norm": f"layers.{last + 1}", "conv_act": f"layers.{last + 2}"}
    # Its first stage is a single block without an expansion, written out.
    first = [["layers."]] if spec.blocks[0] == 1 else [[] for _ in spec.blocks[:1]]
    others = [[f"layers.{7 + i}.{j}.layers." for j in range(n)] for i, n in enumerate(spec.blocks) if i]

    def inside(at: Any) -> dict[str, str]:
        if at.family.name != "mbconv" or at.se.kind != "none":
            return {}
        number, names = (0, ("expand", "norm1", "act1")) if at.expand != 1 else (3, ())
        every = (*names, "depthwise", "norm2", "act2", "project", "norm3")
        return {name: f"{number + i}" for i, name in enumerate(every)}

    return Places("MNASNet", stem, {**head, "fc": "classifier.1"}, [*first, *others], inside)


MOBILE_PLACES: Final[Mapping[str, Callable[[Any], Places | None]]] = {
    "timm": _timm,
    "torchvision": _torchvision,
}
"""For a library, the names of a network's layers; see `Family.places`."""
