"""Reads a spec off timm's and torchvision's networks that are no ResNets: the guess that is then proved.

Blocks are known by their types (`archkit.nn.seen_blocks`), and what stands before the first and behind the
last of them is the stem and the head. Successive blocks that can be of one stage are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from torch import nn

from archkit.blocks import FAMILIES, STEMS, Norm, Stem
from archkit.blocks.value_sorts import MaxPool
from archkit.errors import InferError
from archkit.nn.matching import type_name
from archkit.nn.names import Library
from archkit.nn.reading import read_spec
from archkit.nn.reading_stem import stem_of
from archkit.nn.seen_blocks import BLOCKS, SeenBlock, see_block, see_leaves
from archkit.nn.seen_leaves import Leaf, act_of, channels_of, leaves
from archkit.nn.seen_preact import PREACT, preact_parts
from archkit.spec import ArchSpec
from archkit.spec.options import options

__all__ = ["is_seen", "see_network"]

_VGGS: Final = {"timm.models.vgg.VGG", "torchvision.models.vgg.VGG"}
_MNASNET: Final = "torchvision.models.mnasnet.MNASNet"

_ROUNDS: Final = (8, 1, 4, 16, 2, 32)
"""What hidden channels may be a multiple of, the likeliest first."""


class _Parts(NamedTuple):
    """A network in three: the leaves before its blocks, the blocks, and the leaves behind them."""

    stem: list[Leaf]
    blocks: list[SeenBlock]
    head: list[Leaf]


def is_seen(module: nn.Module) -> bool:
    """Whether a module has blocks that are read here."""
    known = not _kinds(module).isdisjoint({*_VGGS, _MNASNET, PREACT})
    return known or any(type_name(part) in BLOCKS for part in module.modules())


def _kinds(module: nn.Module) -> set[str]:
    """The names of its type and of those that this is made from: what they compute is proved afterwards."""
    return {f"{one.__module__}.{one.__qualname__}" for one in type(module).__mro__}


def see_network(module: nn.Module, size: tuple[int, int, int] | None) -> tuple[ArchSpec, Library]:
    """The spec that a module suggests, and whose names it has. It must yet be proved.

    Args:
        module: one that `is_seen`.
        size: C, H, W of an image; 224x224, and as many channels as its first conv takes, unless it is given.

    Raises:
        InferError: the language has no words for a part of it.
        SpecError: the spec cannot be laid out.
    """
    names = chain(_kinds(module), map(type_name, module.modules()))
    library: Library = "timm" if any(name.startswith("timm.models.") for name in names) else "torchvision"
    if size is None:
        first = next(conv for conv in module.modules() if isinstance(conv, nn.Conv2d))
        size = (first.in_channels, 224, 224)
    if PREACT in _kinds(module):
        return read_spec(preact_parts(module), size), library
    failure: InferError | None = None
    for by in _ROUNDS:
        try:
            parts = _split(module, by)
            break
        except InferError as error:
            failure = failure or error
    else:
        raise failure or InferError(f"{type(module).__name__} has no blocks")
    return _spec(module, parts, by, size), library


def _split(module: nn.Module, by: int) -> _Parts:
    """The module in three."""
    kinds = _kinds(module)
    if not kinds.isdisjoint(_VGGS):
        return _plain(module, by)
    named = [(name, part) for name, part in module.named_modules() if type_name(part) in BLOCKS]
    found = [see_block(name, part, BLOCKS[type_name(part)], by=by) for name, part in named]
    every = list(leaves(module, ""))
    inside = [next((i for i, (name, _) in enumerate(named) if _in(leaf, name)), None) for leaf in every]
    at = [i for i, of in enumerate(inside) if of is not None]
    strange = next((leaf for leaf in every[at[-1] + 1 :] if leaf.name.startswith("blocks.")), None)
    if strange is not None:  # timm's blocks all stand there
        name = ".".join(strange.name.split(".")[:3])
        raise InferError(
            f"{name} is {type(module.get_submodule(name)).__name__}, and such blocks are not read"
        )
    between = [
        leaf for leaf, of in zip(every[at[0] : at[-1]], inside[at[0] : at[-1]], strict=True) if of is None
    ]
    stem, head = every[: at[0]], every[at[-1] + 1 :]
    if _MNASNET in kinds:  # its first block is written out, behind the stem
        found.insert(0, see_leaves("layers.3", stem[3:], (), "mbconv", by=by))
        stem = stem[:3]
    _join_downs(found, named, between)
    return _Parts(stem, found, head)


def _in(leaf: Leaf, name: str) -> bool:
    return leaf.name == name or leaf.name.startswith(f"{name}.")


def _join_downs(
    found: list[SeenBlock], named: Sequence[tuple[str, nn.Module]], between: Sequence[Leaf]
) -> None:
    """Gives ConvNeXt's blocks the strides of the convs before them.

    Raises:
        InferError: something else stands between blocks.
    """
    order = {name: i for i, (name, _) in enumerate(named)}
    for leaf in between:
        if leaf.sort == "norm":
            continue
        conv = leaf.module
        behind = [one for one in found if one.family == "convnext" and one.c == channels_of(conv)[1]]
        if leaf.sort != "conv" or not behind or not isinstance(conv, nn.Conv2d):
            raise InferError(f"{leaf.name} ({type(conv).__name__}) stands between blocks")
        min(behind, key=lambda one: order[one.name]).stride = conv.stride[0]


def _plain(module: nn.Module, by: int) -> _Parts:
    """VGG: each conv with what follows it is a block, and a pooling between them is a stride."""
    every = list(leaves(module, ""))
    last = next(i for i, leaf in enumerate(every) if not leaf.name.startswith("features."))
    runs: list[list[Leaf]] = []
    pooled = False
    found: list[SeenBlock] = []

    def close() -> None:
        if runs:
            found.append(see_leaves(runs[-1][0].name, runs[-1], (), "plain", by=by))

    strides = []
    for leaf in every[:last]:
        if leaf.sort == "conv":
            close()
            runs.append([leaf])
            strides.append(2 if pooled else 1)
            pooled = False
        elif leaf.sort == "max":
            pooled = True
        else:
            runs[-1].append(leaf)
    close()
    for block, stride in zip(found, strides, strict=True):
        block.stride = stride * block.stride
    pools = [leaf for leaf in every[:last] if leaf.sort == "max"]
    return _Parts([], found, [*pools[-1:], *every[last:]] if pooled else every[last:])


def _spec(module: nn.Module, parts: _Parts, by: int, size: tuple[int, int, int]) -> ArchSpec:
    """The spec of the parts."""
    stem, seen, head = parts
    given = _head(head, seen)
    runs: list[tuple[int, SeenBlock]] = []  # so many blocks, and what they have in common
    for block in seen:
        joined = _joined(runs[-1][1], block) if runs else None
        if joined is None:
            runs.append((1, block))
        else:
            runs[-1] = (runs[-1][0] + 1, joined)
    stages = [block for _, block in runs]
    families = [block.family for block in stages]
    takes = frozenset().union(*(FAMILIES[name].option_keys for name in families))
    values: dict[str, Any] = {
        "blocks": tuple(n for n, _ in runs),
        "channels": tuple(block.c for block in stages),
        "block": tuple(families),
    }
    for key, row in options().items():
        if row.by_stage and key in takes:
            usual = row.default_among(values)
            given[key] = [
                block.values.get(key, (_default(key, block.family, usual[i]),))[0]
                for i, block in enumerate(stages)
            ]
    for block in seen:
        given |= {key: value for key, value in block.whole.items() if key in takes}
    given |= {"block": families, "stride": [block.stride for block in stages], "norm": _norm(module)}
    if "round" in takes:
        given["round"] = by
    given |= {"stem": _stem(stem), "stem_pool": "max" if any(leaf.sort == "max" for leaf in stem) else "none"}
    outer = act_of([*stem, *head])
    if outer and "ends_act" in takes and outer[0] != given["act"][-1]:
        given["ends_act"] = outer[0]
    return ArchSpec.make(values["blocks"], values["channels"], input=size, **given)


def _default(key: str, family: str, usual: Any) -> Any:
    return FAMILIES[family].defaults.get(key, usual)


def _joined(one: SeenBlock, other: SeenBlock) -> SeenBlock | None:
    """What two successive blocks of one stage have in common; None where they cannot be of one."""
    if (one.family, one.c, 1) != (other.family, other.c, other.stride):
        return None
    values = dict(one.values)
    for key, came in other.values.items():
        common = tuple(value for value in values[key] if value in came) if key in values else came
        if not common:
            return None
        values[key] = common
    return SeenBlock(one.name, one.family, one.c, one.stride, values, one.whole)


def _stem(found: Sequence[Leaf]) -> Stem | str:
    convs = [leaf.module for leaf in found if isinstance(leaf.module, nn.Conv2d)]
    if not convs:
        return "none"
    stem = stem_of(convs)
    between = [leaf.sort for leaf in found]
    if stem.kind == "overlap" and "act" in between[: len(between) - 1 - between[::-1].index("conv")]:
        return Stem("overlap-act", stem.width)
    if stem.kind not in STEMS:
        raise InferError(f"the stem is {stem.kind}")
    return stem


def _head(found: Sequence[Leaf], seen: list[SeenBlock]) -> dict[str, Any]:
    """The options that the head shows. A last block that is one 1x1 conv is the head's own conv."""
    sorts = [leaf.sort for leaf in found]
    plain = seen[-1].family == "plain"
    pool = 0 if plain or "avg" not in sorts else sorts.index("avg")
    if "avg" not in sorts and not plain:  # the pooling is a function, before the linear layers
        pool = sorts.index("linear") if "linear" in sorts else len(sorts)
    products = [leaf.module for leaf in found[pool:] if leaf.sort in ("conv", "linear")]
    if not products:
        raise InferError("the network ends without a linear layer")
    given: dict[str, Any] = {"classes": channels_of(products[-1])[1]}
    hidden = [channels_of(part)[1] for part in products[:-1]]
    before = [leaf.module for leaf in found[:pool] if leaf.sort == "conv"]
    alone = seen[-1].family == "fused-mbconv" and seen[-1].values["kernel"] == (1,) and seen[-1].stride == 1
    if len(before) > 1:
        raise InferError(f"the head has {len(before)} convs before its pooling; the language has one")
    if before:
        given["head_conv"] = channels_of(before[0])[1]
    elif alone and hidden and len(seen) > 1:
        given["head_conv"] = seen.pop().c
    if hidden:
        given["head_hidden"] = hidden
        biased = getattr(products[0], "bias", None) is not None
        norm = isinstance(products[0], nn.Conv2d) and "norm" in sorts[pool:]
        given["head_bias"] = "norm" if norm else "yes" if biased else "no"
    if plain and sorts[:1] == ["max"]:
        given["pool"] = MaxPool(2)
    if seen[-1].family == "convnext" and "norm" in sorts[:pool]:
        given["head_norm"] = "map"
    return given


def _norm(module: nn.Module) -> Norm:
    """The norm of the network: that of the last of its norms."""
    norms = [leaf.module for leaf in leaves(module, "") if leaf.sort == "norm"]
    if not norms:
        return Norm("none")
    groups = [norm for norm in norms if isinstance(norm, nn.GroupNorm)]
    if groups:
        counts = {norm.num_groups for norm in groups}
        if len(counts) == 1:
            return Norm("group", counts.pop())
        return Norm("group-width", groups[0].num_channels // groups[0].num_groups)
    last = norms[-1]
    eps = getattr(last, "eps", None)
    for word, kind in (("RmsNorm", "rms"), ("SimpleNorm", "simple")):
        if type(last).__name__.startswith(word):
            return Norm(kind)
    if isinstance(last, nn.LayerNorm):
        return Norm("layer-torch" if eps == 1e-5 else "layer")
    return Norm("batch-tf" if eps == 1e-3 else "batch")
