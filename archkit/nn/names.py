"""Where each layer of a plan stands in the module tree of torchvision's or timm's ResNet.

The names of the layers follow from the plan alone, so neither library is imported here.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from archkit.plan import BlockPlan, Layer, Plan, layout
from archkit.spec import ArchSpec

__all__ = ["LIBRARIES", "Library", "module_names"]

Library: TypeAlias = Literal["archkit", "timm", "torchvision"]
LIBRARIES: Final = get_args(Library)


def module_names(spec: ArchSpec, library: Library) -> dict[str, str]:
    """The layers that have a module of their own in a library's ResNet, and that module's name.

    >>> from archkit.spec import parse
    >>> names = module_names(parse("resnet18"), "timm")
    >>> names["stem.conv"], names["stage1.block1.conv1"], names["head.fc"]
    ('conv1', 'layer1.0.conv1', 'fc')

    Layers that are written as functions have none, and neither have layers for which the library's
    ResNet has no place, such as the attention of a stem. Torchvision's `relu` serves several layers.
    """
    plan = layout(spec)
    if library == "archkit":
        # A block adds, and attention scales, without a module.
        return {layer.name: layer.name for layer in plan if layer.kind not in ("add", "scale")}
    timm = library == "timm"
    names = {**_stem(plan, timm=timm), **_head(plan, timm=timm)}
    if not spec.preact:  # both libraries' blocks activate behind the convs
        for i, stage in enumerate(plan.stages):
            for j, block in enumerate(stage.blocks):
                inside = _timm_block(block) if timm else _torchvision_block(block)
                # Average pooling stands in the shortcut's chain even where its stride of 1 leaves none.
                offset = 1 if spec.shortcut[i] == "avg" else 0
                inside.update(_shortcut(block, offset))
                names.update({name: f"layer{i + 1}.{j}.{there}" for name, there in inside.items()})
    return names


def _last(layer: Layer) -> str:
    return layer.name.rpartition(".")[2]


def _stem(plan: Plan, *, timm: bool) -> dict[str, str]:
    """`stem.conv` and so on; see `module_names`."""
    found = {"stem.conv": "conv1", "stem.norm": "bn1", "stem.relu": "act1" if timm else "relu"}
    layers = {_last(layer) for layer in plan.stem}
    if not timm:
        found["stem.pool"] = "maxpool"
    else:
        # The deep stem is one chain: conv, norm, act, conv, norm, act, conv.
        for i in range(3):
            found[f"stem.conv{i + 1}"] = f"conv1.{3 * i}"
            found[f"stem.norm{i + 1}"] = f"conv1.{3 * i + 1}"
            found[f"stem.relu{i + 1}"] = f"conv1.{3 * i + 2}"
        # "The name 'maxpool' remains for weight compatibility", whatever stands there.
        pooling = [name for name in ("pool", "pool_conv", "aa", "pool_norm", "pool_relu") if name in layers]
        for i, name in enumerate(pooling):
            found[f"stem.{name}"] = "maxpool" if len(pooling) == 1 and name != "pool_conv" else f"maxpool.{i}"
    return {layer.name: found[layer.name] for layer in plan.stem if layer.name in found}


def _head(plan: Plan, *, timm: bool) -> dict[str, str]:
    if timm:
        found = {"head.pool": "global_pool.pool", "head.flatten": "global_pool.flatten", "head.fc": "fc"}
    else:
        found = {"head.pool": "avgpool", "head.fc": "fc"}
    return {layer.name: found[layer.name] for layer in plan.head if layer.name in found}


def _torchvision_block(block: BlockPlan) -> dict[str, str]:
    """Inside a block: `conv1`, `bn1`, and one `relu` for all."""
    found = {}
    for layer in (*block.body, *block.tail):
        name = _last(layer)
        if layer.kind == "conv":
            found[layer.name] = name
        elif layer.kind in ("batch_norm", "group_norm"):
            found[layer.name] = name.replace("norm", "bn")
        elif layer.kind == "relu":
            found[layer.name] = "relu"
    return found


def _timm_block(block: BlockPlan) -> dict[str, str]:
    """Inside a block: `conv1`, `bn1`, `act1`, `aa`, `se.fc1`."""
    gate = {"fc1": "fc1", "relu": "act", "fc2": "fc2", "conv": "conv", "sigmoid": "gate"}
    found = {}
    for layer in (*block.body, *block.tail):
        if layer.kind != "add":
            found[layer.name] = _last(layer).replace("norm", "bn").replace("relu", "act")
    for layer in block.attention:
        if _last(layer) in gate:
            found[layer.name] = f"se.{gate[_last(layer)]}"
    return found


def _shortcut(block: BlockPlan, offset: int) -> dict[str, str]:
    """Inside a block: `downsample.0` and so on, the conv at `offset`."""
    places = {"pool": 0, "conv": offset, "norm": offset + 1}
    return {
        layer.name: f"downsample.{places[_last(layer)]}" for layer in block.shortcut if _last(layer) in places
    }
