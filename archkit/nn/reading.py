"""Reads a spec off the parts of a ResNet: the guess that `archkit.nn.infer` then proves.

Every number of a spec leaves its mark on the modules, but several numbers may leave the same one: the
squeezed widths of attention are rounded, so is the width of a group, and a stage may need no shortcut.
Where several specs have the same layers, the one nearest to the defaults is taken.
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from torch import nn

from archkit.blocks import ATTENTION, NO_ATTENTION
from archkit.blocks.residual import BOTTLENECK_EXPANSION
from archkit.blocks.sides import Sides
from archkit.blocks.value_sorts import MaxPool
from archkit.errors import InferError
from archkit.nn.dilated import undilated
from archkit.nn.matching import type_name
from archkit.nn.norm_kinds import norm_of
from archkit.nn.parts import FoundBlock, Parts
from archkit.nn.reading_stem import stem_of, stem_pool_of
from archkit.spec import ArchSpec, Attention
from archkit.spec.options import options

__all__ = ["READ", "read_spec"]

T = TypeVar("T")

READ: Final = frozenset({"basic", "bottleneck", "preact", "preact-bottleneck"})
"""The families whose blocks are read."""

_NO_SHORTCUT: Final = "none"


def _limits(key: str) -> tuple[int, int]:
    """The lowest and highest number that an option takes."""
    found: tuple[int, int] = getattr(options()[key].values, "range")  # noqa: B009 - those without numbers have none
    return found


def read_spec(parts: Parts, shape: tuple[int, int, int]) -> ArchSpec:
    """The spec that the parts suggest. It must yet be proved, since not every part is read.

    Args:
        parts: of the module.
        shape: C, H, W of one image.

    Raises:
        InferError: no spec has these parts.
        SpecError: the spec cannot be laid out.
    """
    firsts = [blocks[0] for blocks in parts.stages]
    # Where one module differs from its like, the many are read, so that the proof names the one.
    typical = [_typical(stage) for stage in parts.stages]
    blocks = [block for stage in parts.stages for block in stage]
    convs = [conv for block in blocks for conv in block.convs]  # a stem has rules of its own for the bias
    channels = [_planes(block) for block in typical]
    strides, output_stride = undilated(parts)
    shortcut, project = _shortcuts(firsts, strides)
    middles = [(c, block) for c, block in zip(channels, typical, strict=True) if not block.basic]
    groups = _commonest([block.convs[1].groups for _, block in middles]) if middles else 1
    return ArchSpec.make(
        [len(stage) for stage in parts.stages],
        channels,
        block=_kinds(typical, preact=parts.preact),
        kernel=[block.convs[0 if block.basic else 1].kernel_size[0] for block in typical],
        stride=strides,
        output_stride=output_stride,
        shortcut=shortcut,
        project=project,
        shortcut_norm=_shortcut_norm(parts, firsts),
        stride_at=_stride_at(firsts),
        stem_norm=parts.stem_norm if parts.preact else None,
        groups=groups,
        base_width=_base_width(middles, groups) if middles else None,
        reduce=_reduce(channels, typical),
        stem=stem_of(parts.stem),
        stem_pool=stem_pool_of(parts.stem_pool),
        stem_attn=_attention("the stem", [(parts.stem[-1].out_channels, parts.stem_attn)]),
        attn=_attention("the blocks", [(block.c_out, block.attn) for block in blocks]),
        norm=norm_of(parts.norm),
        aa=_anti_alias([*parts.stem_pool, *(block.aa for block in blocks)]),
        weight_std=_commonest([type_name(conv).endswith(".StdConv2d") for conv in convs]),
        bias=_commonest([conv.bias is not None for conv in convs]),
        pool=_window(parts.pool),
        input=shape,
        classes=parts.fc.out_features,
    )


def _kinds(typical: Iterable[FoundBlock], *, preact: bool) -> Any:
    names = ("preact-bottleneck", "preact") if preact else ("bottleneck", "basic")
    return [names[block.basic] for block in typical]


def _typical(blocks: Sequence[FoundBlock]) -> FoundBlock:
    """The first of the blocks that most of a stage are like."""

    def of(block: FoundBlock) -> Any:
        return [(conv.out_channels, conv.kernel_size, conv.groups) for conv in block.convs]

    common = _commonest([tuple(of(block)) for block in blocks])
    return next(block for block in blocks if tuple(of(block)) == common)


def _commonest(values: Sequence[T]) -> T:
    """The value that occurs most often, the first of several."""
    return Counter(values).most_common(1)[0][0]


def _planes(block: FoundBlock) -> int:
    """Base width of a block."""
    if block.basic:
        return block.c_out
    c, rest = divmod(block.c_out, BOTTLENECK_EXPANSION)
    if rest:
        raise InferError(
            f"{block.name}.conv3 puts out {block.c_out} channels;"
            f" a bottleneck's are a multiple of {BOTTLENECK_EXPANSION}"
        )
    return c


def _base_width(middles: Sequence[tuple[int, FoundBlock]], groups: int) -> int:
    """The number that gives each bottleneck's middle conv its `c * base_width // 64 * groups` channels."""
    low, high = _limits("base_width")
    for c, block in middles:
        each, rest = divmod(block.convs[1].out_channels, groups)
        if rest:
            raise InferError(f"{block.name}.conv2 has not as many groups as the first bottleneck's, {groups}")
        low, high = max(low, -(-64 * each // c)), min(high, (64 * each + 63) // c)
    if low > high:
        widths = ", ".join(
            f"{block.convs[1].out_channels} in {block.name} (planes {c})" for c, block in middles
        )
        raise InferError(f"no base_width gives the bottlenecks' middle convs their channels: {widths}")
    return _nearest(options()["base_width"].default, low, high)


def _reduce(channels: Sequence[int], firsts: Sequence[FoundBlock]) -> int:
    """The divisor that gives each block's first conv its channels."""
    low, high = _limits("reduce")
    said = []
    for c, block in zip(channels, firsts, strict=True):
        whole = c if block.basic else block.convs[1].out_channels
        first = block.convs[0].out_channels
        # whole // r == first, solved for r.
        low, high = max(low, whole // (first + 1) + 1), min(high, whole // first)
        said.append(f"{first} in {block.name} (of {whole})")
    if low > high:
        raise InferError(f"no divisor gives the blocks' first convs their channels: {', '.join(said)}")
    return low


def _shortcut_norm(parts: Parts, firsts: Sequence[FoundBlock]) -> bool | None:
    """Whether the convs on shortcuts have a norm; None where the network shows nothing of it."""
    seen = [block.shortcut_norm for block in firsts if block.shortcut_norm is not None]
    return _commonest(seen) if seen and parts.norm is not None and not parts.preact else None


def _stride_at(firsts: Sequence[FoundBlock]) -> str | None:
    """Which conv of the bottlenecks carries the stride; None where none has one."""
    seen = [block.strided for block in firsts if not block.basic and block.strided is not None]
    return ("first" if _commonest(seen) == 1 else "middle") if seen else None


def _shortcuts(firsts: Sequence[FoundBlock], strides: Sequence[int]) -> tuple[list[str], str]:
    """The kind of each stage's shortcut, and where shortcuts project.

    Args:
        firsts: the first block of each stage.
        strides: of the stages, as the spec has them: those that became dilations too.
    """
    seen: list[str] = [block.shortcut for block in firsts]
    changed = (block.stride != stride for block, stride in zip(firsts, strides, strict=True))
    dilated = itertools.accumulate(changed, operator.or_)  # from the first that became one, all stages are
    seen = [
        "conv1" if kind == "conv1 or avg" and within else kind  # none pools there
        for kind, within in zip(seen, dilated, strict=True)
    ]
    project = "change"
    for kind, block in zip(seen, firsts, strict=True):
        if kind not in (_NO_SHORTCUT, "pad") and block.stride == 1 and block.c_in == block.c_out:
            # It projects although it need not, so a stage without a shortcut is one that would only pad.
            project = "stage"
            seen = ["pad" if other == _NO_SHORTCUT else other for other in seen]
            break
    row = options()["shortcut"]
    certain = [kind if kind in row.values.samples() else None for kind in seen]
    found = []
    for i, kind in enumerate(seen):
        # A shortcut that leaves no trace is taken to be that of the next stage that shows one, or else of
        # the last stage before.
        others = [other for other in (*certain[i:], *reversed(certain[:i])) if other is not None]
        if kind == "conv1 or avg":
            others = [other for other in others if other in ("conv1", "avg")]
        found.append((others or [row.default])[0])
    return found, project


def _anti_alias(modules: Iterable[nn.Module | None]) -> str:
    for module in modules:
        if isinstance(module, nn.AvgPool2d):
            return "avg"
        if module is not None and type_name(module).rpartition(".")[2].startswith("BlurPool"):
            return "blur" if getattr(module, "padding", 1) else "blur-zeros"
    return "none"


def _window(pool: nn.Module | None) -> Sides | MaxPool | None:
    if isinstance(pool, nn.MaxPool2d):
        return MaxPool(pool.kernel_size if isinstance(pool.kernel_size, int) else pool.kernel_size[0])
    if not isinstance(pool, nn.AvgPool2d):
        return None
    size, stride = (v if isinstance(v, tuple) else (v, v) for v in (pool.kernel_size, pool.stride))
    if size[0] == size[1]:
        # Windows that overlap can only be the global pool: one, as large as the map.
        return size[0] if size == stride else None
    # So can one of other rows than columns, unless its stride is that of a single window (`pool=24x5`).
    return size if stride == (max(size),) * 2 else None


def _attention(where: str, modules: Sequence[tuple[int, nn.Module | None]]) -> Attention:
    """The attention that these modules are, each after the channels that it scales."""
    first = modules[0][1]
    if first is None:
        return NO_ATTENTION
    if isinstance(getattr(first, "conv", None), nn.Conv1d):
        return Attention("eca")
    squeezed = []
    for channels, module in modules:
        fc1 = getattr(module, "fc1", None)
        if not isinstance(fc1, nn.Conv2d):
            raise InferError(
                f"the attention of {where} is {type(module).__name__}, not squeeze-and-excitation or ECA"
            )
        squeezed.append((channels, fc1.out_channels))
    for kind in ("se", "se-plain"):
        low, high = _limits("attn")
        for channels, width in squeezed:
            of_this = _reductions(kind, channels, width)
            low, high = max(low, of_this[0]), min(high, of_this[1])
        if low <= high:
            return Attention(kind, _nearest(ATTENTION[kind], low, high))
    said = ", ".join(f"{width} of {channels}" for channels, width in dict.fromkeys(squeezed))
    raise InferError(f"no reduction gives the attention of {where} its squeezed channels: {said}")


def _reductions(kind: str, channels: int, width: int) -> tuple[int, int]:
    """The lowest and highest R for which `se_width(kind, channels, R)` is `width`; lowest > highest: none."""
    most = _limits("attn")[1]
    if kind == "se-plain":
        # channels // R == width, and at least 1.
        return channels // (width + 1) + 1, channels // width if width > 1 else most
    m, rest = divmod(width, 8)
    if rest or not m:
        return 1, 0
    # (channels + 4R) // (8R) == m, and at least 1.
    return channels // (8 * m + 4) + 1, channels // (8 * m - 4) if m > 1 else most


def _nearest(default: int, low: int, high: int) -> int:
    return min(max(default, low), high)
