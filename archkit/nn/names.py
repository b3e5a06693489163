"""Where each layer of a plan stands in the module tree of torchvision's or timm's ResNet.

The names stand beside the drawings (`STEM_KEYS`, `Family.keys`, `HEAD_KEYS`), so neither library is
imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, get_args

from archkit.blocks import HEAD_KEYS, STEM_KEYS
from archkit.nn.kinds import MODULES
from archkit.plan import Layer, layers_of, layout
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
        return {layer.name: layer.name for layer in plan if MODULES[layer.kind].make is not None}
    found = _placed(layers_of(plan.stem), "stem", STEM_KEYS[library](spec.parts.stem), "")
    for i, (stage, setting) in enumerate(zip(plan.stages, spec.parts.stages, strict=True), 1):
        keys_of = setting.family.keys.get(library)
        if keys_of is not None:
            keys = keys_of(setting)
            for j, block in enumerate(stage.blocks):
                found.update(_placed(block, block.name, keys, f"layer{i}.{j}."))
    found.update(_placed(layers_of(plan.head), "head", HEAD_KEYS[library], ""))
    return found


def _placed(layers: Iterable[Layer], here: str, keys: Mapping[str, str], there: str) -> dict[str, str]:
    """The layers of a part that have a place, by their names, and the module's name.

    Args:
        layers: of the part.
        here: the part's own name.
        keys: names inside the part, and inside the library's.
        there: how the library's names begin.
    """
    found = {}
    for layer in layers:
        key = keys.get(layer.name.removeprefix(f"{here}."))
        if key is not None:
            found[layer.name] = there + key
    return found
