"""The parts of a ResNet by their structure, whatever they are called.

A stage is a container of blocks, a block a module of somebody's own with two convs or more, and its shortcut
the branch with a single conv from the channels that enter to those that leave. What is read so may be
wrong; `archkit.nn.infer` proves it by the outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import prod
from typing import Final, TypeAlias

from torch import nn

from archkit.errors import InferError
from archkit.nn.kinds import MODULES
from archkit.nn.parts import FoundBlock, Parts, common_norm, padded, seen_norm, seen_shortcut
from archkit.plan import Layer, Node, Plan, Residual, layers_of

__all__ = ["Structure", "find_structure"]

Named: TypeAlias = tuple[str, nn.Module]

# What somebody may call a shortcut; it counts only where the structure leaves a choice.
_SHORTCUT_NAMES: Final = ("short", "down", "skip", "proj", "ident", "residual_conv")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Branches:
    """A block's modules with weights: those of its body and those of its shortcut."""

    found: FoundBlock
    body: tuple[Named, ...]
    shortcut: tuple[Named, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Structure:
    """The parts, and where each layer of a plan stands among them."""

    parts: Parts
    outside: tuple[Named, ...]
    stages: tuple[tuple[_Branches, ...], ...]

    def names(self, plan: Plan) -> dict[str, str]:
        """The plan's layers that have weights, and the names of their modules.

        Convs are paired with convs and norms with norms, in the order in which they are defined.

        Raises:
            InferError: there are more of one kind, or fewer, than the plan has.
        """
        found = _paired("its stem and head", [*layers_of(plan.stem), *layers_of(plan.head)], self.outside)
        for stage, blocks in zip(plan.stages, self.stages, strict=True):
            for block, branches in zip(stage.blocks, blocks, strict=True):
                beside = list(chain.from_iterable(_beside(node) for node in block.nodes))
                body = [layer for layer in block if layer not in beside]
                name = branches.found.name
                found.update(_paired(name, body, branches.body))
                found.update(_paired(f"{name}'s shortcut", beside, branches.shortcut))
        return found


def find_structure(module: nn.Module) -> Structure:
    """The parts of a module of somebody's own.

    Raises:
        InferError: it is not built of a stem, stages of residual blocks and a linear layer.
    """
    containers = list(_containers("", module))
    if not containers:
        raise InferError("no container in it holds residual blocks, modules with two convs or more each")
    inside = {id(part) for _, blocks in containers for _, block in blocks for part in block.modules()}
    outside = [(name, part) for name, part in module.named_modules() if id(part) not in inside]
    stem = [conv for _, conv in outside if isinstance(conv, nn.Conv2d)]
    linear = [part for _, part in outside if isinstance(part, nn.Linear)]
    if not stem or len(linear) != 1:
        raise InferError(
            f"beside its blocks it has {len(stem)} convs and {len(linear)} linear layers;"
            " a ResNet has a conv or more, and one linear layer"
        )
    c = stem[-1].out_channels
    stages: list[list[_Branches]] = []
    for _, blocks in containers:
        for i, (name, block) in enumerate(blocks):
            read = _block(name, block, c)
            found = read.found
            if i == 0 or found.stride != 1 or found.c_out != c:
                stages.append([])
            stages[-1].append(read)
            c = found.c_out
    pools = [part for _, part in outside if isinstance(part, nn.AvgPool2d)]
    parts = Parts(
        library=None,
        stem=tuple(stem),
        stem_pool=tuple(part for _, part in outside if isinstance(part, nn.MaxPool2d)),
        stem_attn=None,
        # With pre-activation there is one norm for each conv but the last, and the head's.
        stem_norm=len(_norms(outside)) > len(stem),
        norm=common_norm(module),
        stages=tuple(tuple(read.found for read in blocks) for blocks in stages),
        preact=_preact(stages, outside),
        pool=pools[-1] if pools else None,
        fc=linear[0],
    )
    return Structure(
        parts=parts, outside=tuple(_weighted(outside)), stages=tuple(tuple(blocks) for blocks in stages)
    )


def _containers(name: str, module: nn.Module) -> Iterator[tuple[str, list[Named]]]:
    """The innermost containers of blocks, in the order in which they are defined."""
    children = [(f"{name}.{key}".lstrip("."), child) for key, child in module.named_children()]
    inner = [found for key, child in children for found in _containers(key, child)]
    if inner:
        yield from inner
    elif children and isinstance(module, nn.Sequential | nn.ModuleList) and all(map(_is_block, children)):
        yield name, children


def _is_block(named: Named) -> bool:
    _, module = named
    plain = isinstance(module, nn.Sequential | nn.ModuleList | nn.Conv2d)
    return not plain and len(_convs(module)) > 1


def _convs(module: nn.Module) -> list[nn.Conv2d]:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]


def _block(name: str, block: nn.Module, c_in: int) -> _Branches:
    """The branches of a block that c_in channels enter.

    Raises:
        InferError: no choice of a shortcut leaves two or three convs, each of which takes what the one
            before puts out.
    """
    every = _convs(block)
    single = [(key, child) for key, child in block.named_children() if len(_convs(child)) == 1]
    single.sort(key=_unlike_a_shortcut)
    aside: nn.Module | None
    for aside in (*(child for _, child in single), None):
        beside = [] if aside is None else _convs(aside)
        convs = [conv for conv in every if conv not in beside]
        if _fits(convs, beside, c_in):
            break
    else:
        raise InferError(
            f"{name} ({type(block).__name__}) has {len(every)} convs that make neither a basic block nor a"
            " bottleneck"
        )
    apart = set() if aside is None else set(aside.modules())
    named = [(f"{name}.{key}".lstrip("."), part) for key, part in block.named_modules() if key]
    leaves = [part for _, part in named if part in apart and next(part.children(), None) is None]
    found = FoundBlock(
        name=name,
        convs=tuple(convs),
        aa=None,
        attn=None,
        shortcut=seen_shortcut(leaves, own=False) if leaves else "none",
        shortcut_norm=seen_norm(leaves),
    )
    return _Branches(
        found=padded(found),
        body=tuple(_weighted(one for one in named if one[1] not in apart)),
        shortcut=tuple(_weighted(one for one in named if one[1] in apart)),
    )


def _unlike_a_shortcut(named: Named) -> tuple[bool, bool]:
    """A key that sorts the likeliest shortcuts first."""
    name, child = named
    return not any(word in name.lower() for word in _SHORTCUT_NAMES), _convs(child)[0].kernel_size != (1, 1)


def _fits(convs: Sequence[nn.Conv2d], beside: Sequence[nn.Conv2d], c_in: int) -> bool:
    """Whether these convs can be a body, and those its shortcut."""
    if len(convs) not in (2, 3) or convs[0].in_channels != c_in:
        return False
    if any(a.out_channels != b.in_channels for a, b in pairwise(convs)):
        return False
    if len(convs) == 3 and (convs[0].kernel_size, convs[2].kernel_size) != ((1, 1), (1, 1)):
        return False
    if not beside:
        return True
    return (beside[0].in_channels, beside[0].out_channels) == (c_in, convs[-1].out_channels) and (
        beside[0].stride == (1, 1) or beside[0].stride[0] == prod(conv.stride[0] for conv in convs)
    )


def _preact(stages: Sequence[Sequence[_Branches]], outside: Iterable[Named]) -> bool:
    """Whether the blocks norm before each conv: the first norm of a block tells by its channels."""
    for read in chain.from_iterable(stages):
        conv = read.found.convs[0]
        norms = [part for _, part in read.body if not isinstance(part, nn.Conv2d)]
        if norms and conv.in_channels != conv.out_channels:
            return len(norms[0].state_dict()["weight"]) == conv.in_channels
    norms = _norms(outside)
    return bool(norms) and len(norms[-1].state_dict()["weight"]) == stages[-1][-1].found.c_out


def _norms(modules: Iterable[Named]) -> list[nn.Module]:
    return [part for _, part in _weighted(modules) if not isinstance(part, nn.Conv2d | nn.Linear)]


def _weighted(modules: Iterable[Named]) -> Iterator[Named]:
    """Those with parameters of their own."""
    return (one for one in modules if one[1]._parameters.get("weight") is not None)


def _beside(node: Node) -> tuple[Layer, ...]:
    """The layers on a node's shortcut."""
    return tuple(layers_of(node.shortcut)) if isinstance(node, Residual) else ()


def _paired(where: str, layers: Iterable[Layer], modules: Sequence[Named]) -> dict[str, str]:
    """Layers with weights and the names of the modules of the same sort, in order."""
    found = {}
    weighted = [layer for layer in layers if MODULES[layer.kind].tensors(layer)]
    for sort, noun in ((nn.Conv2d, "convs"), (nn.Linear, "linear layers"), (None, "norms")):
        ours = [layer for layer in weighted if _sort(layer) is sort]
        theirs = [name for name, part in modules if _sort_of(part) is sort]
        if len(ours) != len(theirs):
            raise InferError(f"{where} has {len(theirs)} {noun}, expected {len(ours)}")
        found.update({layer.name: name for layer, name in zip(ours, theirs, strict=True)})
    return found


def _sort(layer: Layer) -> type[nn.Module] | None:
    return {"conv": nn.Conv2d, "std_conv": nn.Conv2d, "linear": nn.Linear}.get(layer.kind)


def _sort_of(module: nn.Module) -> type[nn.Module] | None:
    return next((sort for sort in (nn.Conv2d, nn.Linear) if isinstance(module, sort)), None)
