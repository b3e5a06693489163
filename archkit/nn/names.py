"""Where each layer of a plan stands in the module tree of torchvision's or timm's network.

The names stand beside the drawings (`STEM_KEYS`, `Family.keys`, `HEAD_KEYS`, `Family.places`), so neither
library is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, get_args

from archkit.blocks import HEAD_KEYS, STEM_KEYS, Places
from archkit.nn.kinds import MODULES
from archkit.plan import Layer, layers_of, layout
from archkit.spec import ArchSpec

__all__ = ["LIBRARIES", "Library", "module_names", "network_of", "renumbered"]

Library: TypeAlias = Literal["archkit", "timm", "torchvision"]
LIBRARIES: Final = get_args(Library)

_NUMBERED: Final = re.compile(r"(blocks\.[0-9]+\.[0-9]+\.)")


def module_names(spec: ArchSpec, library: Library) -> dict[str, str]:
    """The layers that have a module of their own in a library's network, and that module's name.

    >>> from archkit.spec import parse
    >>> names = module_names(parse("resnet18"), "timm")
    >>> names["stem.conv"], names["stage1.block1.conv1"], names["head.fc"]
    ('conv1', 'layer1.0.conv1', 'fc')

    Layers that are written as functions have none, and neither have layers for which the library's
    network has no place, such as the attention of a stem. Torchvision's `relu` serves several layers.
    """
    plan = layout(spec)
    if library == "archkit":
        return {layer.name: layer.name for layer in plan if MODULES[layer.kind].make is not None}
    places = _places(spec, library)
    found = _placed(layers_of(plan.stem), "stem", places.stem, "")
    for i, (stage, setting) in enumerate(zip(plan.stages, spec.parts.stages, strict=True)):
        keys = places.inside(setting)
        for block, there in zip(stage.blocks, places.blocks[i] if places.blocks else (), strict=False):
            found.update(_placed(block, block.name, keys, there))
    found.update(_placed(layers_of(plan.head), "head", places.head, ""))
    found.update({layer.name: places.layers[layer.name] for layer in plan if layer.name in places.layers})
    return found


def network_of(spec: ArchSpec, library: Library) -> str:
    """What a library calls the network that has a spec's blocks."""
    return _places(spec, library).network


def renumbered(came: Iterable[str], expected: Iterable[str]) -> dict[str, str]:
    """Keys that came, and what the same ones are called among those that are expected.

    timm numbers the blocks of its mobile networks by stage, and which of them it takes for one stage a spec
    does not always show: where the numbers differ, the blocks are paired in their order.
    """
    came = list(came)
    ours, theirs = _numbered(expected), _numbered(came)
    if len(ours) != len(theirs) or set(ours) == set(theirs):
        return {key: key for key in came}
    pairs = dict(zip(theirs, ours, strict=True))
    found = {}
    for key in came:
        match = _NUMBERED.match(key)
        found[key] = key if match is None else pairs[match[1]] + key[match.end() :]
    return found


def _numbered(keys: Iterable[str]) -> list[str]:
    """How the keys of numbered blocks begin, in the order of the numbers."""
    found = {match[1] for match in map(_NUMBERED.match, keys) if match is not None}
    return sorted(found, key=lambda start: [int(part) for part in start.split(".")[1:3]])


def _places(spec: ArchSpec, library: Library) -> Places:
    """Where a library has the layers of a spec."""
    everywhere = {setting.family.places.get(library) for setting in spec.parts.stages}
    of_them = everywhere.pop() if len(everywhere) == 1 else None
    found: Places | None = None if of_them is None else of_them(spec)
    if found is not None:
        return found

    def inside(setting: object) -> Mapping[str, str]:
        keys_of = getattr(setting, "family").keys.get(library)  # noqa: B009 - of any family's setting
        return {} if keys_of is None else keys_of(setting)

    return Places(
        network="ResNet",
        stem=STEM_KEYS[library](spec.parts.stem),
        head=HEAD_KEYS[library],
        blocks=[[f"layer{i}.{j}." for j in range(n)] for i, n in enumerate(spec.blocks, 1)],
        inside=inside,
    )


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
