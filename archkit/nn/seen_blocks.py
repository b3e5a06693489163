"""The blocks of timm's and torchvision's networks that are no ResNets, and what they show of the options.

A block is known by its type. What several values of an option would give alike, such as an expansion that is
rounded, is a tuple of those values, the likeliest first; the blocks of a stage have one in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import Any, Final

from torch import nn

from archkit.blocks.squeeze import NO_SQUEEZE, squeezes
from archkit.blocks.widths import hidden_width
from archkit.errors import InferError
from archkit.nn.seen_leaves import (
    Leaf,
    act_of,
    channels_of,
    convs_of,
    group_width,
    is_depthwise,
    is_same,
    kernel_of,
    leaves,
    stride_of,
)

__all__ = ["BLOCKS", "SeenBlock", "see_block", "see_leaves"]

BLOCKS: Final[Mapping[str, str]] = {
    "timm.models._efficientnet_blocks.ConvBnAct": "fused-mbconv",
    "timm.models._efficientnet_blocks.EdgeResidual": "fused-mbconv",
    "timm.models._efficientnet_blocks.DepthwiseSeparableConv": "mbconv",
    "timm.models._efficientnet_blocks.InvertedResidual": "mbconv",
    "timm.models._efficientnet_blocks.UniversalInvertedResidual": "uib",
    "timm.models.regnet.Bottleneck": "regnet",
    "timm.models.regnet.PreBottleneck": "regnetv",
    "timm.models.convnext.ConvNeXtBlock": "convnext",
    "torchvision.models.mobilenetv2.InvertedResidual": "mbconv",
    "torchvision.models.mobilenetv3.InvertedResidual": "mbconv",
    "torchvision.models.mnasnet._InvertedResidual": "mbconv",
    "torchvision.models.efficientnet.MBConv": "mbconv",
    "torchvision.models.efficientnet.FusedMBConv": "fused-mbconv",
    "torchvision.models.regnet.ResBottleneckBlock": "regnet",
    "torchvision.models.convnext.CNBlock": "convnext",
}
"""The family of each type of block."""

_SHORTCUTS: Final = ("downsample", "proj")
_ADDS: Final = ("has_skip", "use_res_connect", "apply_residual")
"""What the libraries call it that a block adds what enters it."""
_DECIMALS: Final = [Decimal(i) / 100 for i in range(100, 6401)]


@dataclass(slots=True)
class SeenBlock:
    """A block.

    Attributes:
        name: in the module, for errors.
        family: its own.
        c: channels that leave it.
        stride: of the whole block.
        values: what it shows of the options by stage: the values that would fit, the likeliest first.
        whole: what it shows of options that hold for the whole network.
    """

    name: str
    family: str
    c: int
    stride: int
    values: dict[str, tuple[Any, ...]]
    whole: dict[str, Any]


def see_block(name: str, block: nn.Module, family: str, *, by: int) -> SeenBlock:
    """What a block shows.

    Args:
        name: its name.
        block: the module.
        family: its family, as far as its type tells.
        by: what hidden channels are a multiple of (`round`).

    Raises:
        InferError: it is no block of the family.
    """
    gate = getattr(block, "se", None)
    read = gate is None or isinstance(gate, nn.Identity) or any(x.sort == "se" for x in leaves(gate, "se"))
    if not read:
        raise InferError(f"the attention of {name} is {type(gate).__name__}, which is not read")
    every = list(leaves(block, name))
    beside = [one for one in every if one.name.removeprefix(f"{name}.").startswith(_SHORTCUTS)]
    return see_leaves(name, [one for one in every if one not in beside], beside, family, by=by, block=block)


def see_leaves(
    name: str,
    body: Sequence[Leaf],
    beside: Sequence[Leaf],
    family: str,
    *,
    by: int,
    block: nn.Module | None = None,
) -> SeenBlock:
    """`see_block` of its leaves: those of the body and those beside it."""
    convs = [one.module for one in body if one.sort in ("conv", "mix", "linear")]
    if not convs:
        raise InferError(f"{name} ({type(block).__name__}) has no conv")
    c_in, c = channels_of(convs[0])[0], channels_of(convs[-1])[1]
    pooled = next((one for one in body if one.sort in ("blur", "avg")), None)
    stride = 2 if pooled is not None else prod(stride_of(conv) for conv in convs)
    if any(part.dilation != (1, 1) for conv in convs for part in convs_of(conv)):
        raise InferError(f"{name} is dilated, which is read of ResNets alone")
    act = act_of(body)
    values: dict[str, tuple[Any, ...]] = {"act": act} if act else {}
    whole: dict[str, Any] = {}
    if any(is_same(conv) for conv in convs):
        whole["padding"] = "same"
    if pooled is not None:
        reflects = getattr(pooled.module, "pad_mode", "reflect") == "reflect"
        whole["aa"] = "avg" if pooled.sort == "avg" else "blur" if reflects else "blur-zeros"
    adds = next((getattr(block, word) for word in _ADDS if hasattr(block, word)), None)
    if adds is not None and stride == 1 and c_in == c:
        values["skip"] = (bool(adds),)
    if family == "mbconv" and len(convs) == 2 and body[-1].sort == "act":
        family = "depthwise"
    elif family == "regnet" and channels_of(convs[0])[1] != c:
        family = "regnetz"
    _OF[family](name, convs, values, whole, by)
    gate = next((one.module for one in body if one.sort == "se"), None)
    if gate is None and family not in ("uib", "convnext", "plain"):
        values["se"] = (NO_SQUEEZE,)
    elif gate is not None:
        values["se"] = _gate(name, gate, c_in, act[0] if act else "relu")
    if family == "regnetv":
        whole["shortcut"] = "avg" if any(one.sort == "avg" for one in beside) else "conv1"
    if family == "convnext":
        scales = any(key in ("gamma", "layer_scale") for key, _ in (block or nn.Module()).named_parameters())
        whole |= {"layer_scale": scales, "grn": any(one.sort == "grn" for one in body)}
    return SeenBlock(name, family, c, stride, values, whole)


def _expansions(name: str, entered: int, hidden: int, by: int) -> tuple[Any, ...]:
    """The numbers that give a block its hidden channels: whole ones first, then those of few decimals."""
    away = Decimal(max(hidden // 8, by))  # rounding moves a width no farther
    near = [one for one in _DECIMALS if abs(entered * one - hidden) <= away]
    found = [one for one in near if hidden_width(entered, one, by) == hidden]
    found.sort(
        key=lambda one: (max(0, -int(one.normalize().as_tuple().exponent)), abs(entered * one - hidden))
    )
    if not found:
        raise InferError(f"no expansion of {entered} channels gives {name} its {hidden} hidden ones")
    return tuple(int(one) if one == int(one) else one.normalize() for one in found)


def _expanded(name: str, pair: tuple[int, int], values: Any, whole: Any, by: int) -> None:
    """Notes what the conv that expands a block shows."""
    entered, hidden = pair
    if entered == hidden:
        values["expand"], whole["expand_conv"] = (1,), "always"
    else:
        values["expand"] = _expansions(name, entered, hidden, by)


def _mbconv(name: str, convs: Sequence[nn.Module], values: Any, whole: Any, by: int) -> None:
    if (
        len(convs) not in (2, 3)
        or kernel_of(convs[-1]) != 1
        or (len(convs) == 3 and kernel_of(convs[0]) != 1)
    ):
        raise InferError(f"{name} has no convs of an inverted residual")
    middle = convs[-2]
    if len(convs) == 3:
        _expanded(name, channels_of(convs[0]), values, whole, by)
    else:
        values["expand"] = (1,)
    split = [len(convs_of(conv)) > 1 for conv in (convs[0], convs[-1])]
    values["split"] = ("both" if len(convs) == 3 and all(split) else "project" if split[1] else "none",)
    _middle(middle, values)
    values["mix"] = (len(convs_of(middle)),)


def _middle(conv: nn.Module, values: Any) -> None:
    values["kernel"] = (kernel_of(conv),)
    width = group_width(conv)
    values["group_width"] = (width,)


def _depthwise(_name: str, convs: Sequence[nn.Module], values: Any, whole: Any, _by: int) -> None:
    _middle(convs[0], values)
    values.pop("skip", None)
    whole["bias"] = getattr(convs[0], "bias", None) is not None


def _fused(name: str, convs: Sequence[nn.Module], values: Any, whole: Any, by: int) -> None:
    values["kernel"] = (kernel_of(convs[0]),)
    if len(convs) == 1:
        values["expand"], values["group_width"] = (1,), (0,)
    else:
        _expanded(name, channels_of(convs[0]), values, whole, by)
        groups = convs_of(convs[0])[0].groups
        values["group_width"] = (0 if groups == 1 else channels_of(convs[0])[1] // groups,)


def _uib(name: str, convs: Sequence[nn.Module], values: Any, _whole: Any, by: int) -> None:
    start = convs[0] if is_depthwise(convs[0]) else None
    rest = list(convs if start is None else convs[1:])
    if len(rest) not in (2, 3):
        raise InferError(f"{name} has no convs of a universal inverted bottleneck")
    values["start"] = (0 if start is None else kernel_of(start),)
    values["middle"] = (kernel_of(rest[1]) if len(rest) == 3 else 0,)
    values["expand"] = _expansions(name, *channels_of(rest[0]), by)
    values.pop("skip", None)


def _regnet(name: str, convs: Sequence[nn.Module], values: Any, _whole: Any, _by: int) -> None:
    if len(convs) != 3:
        raise InferError(f"{name} has {len(convs)} convs; a RegNet block has three")
    values["kernel"] = (kernel_of(convs[1]),)
    groups, hidden = convs_of(convs[1])[0].groups, channels_of(convs[1])[1]
    values["group_width"] = (0 if groups == 1 else hidden // groups,)


def _regnetz(name: str, convs: Sequence[nn.Module], values: Any, whole: Any, by: int) -> None:
    _regnet(name, convs, values, whole, by)
    ratio, rest = divmod(channels_of(convs[0])[1], channels_of(convs[-1])[1])
    if rest:
        raise InferError(f"{name} has hidden channels that are no multiple of those that leave it")
    whole["ratio"] = ratio


def _convnext(_name: str, convs: Sequence[nn.Module], values: Any, _whole: Any, _by: int) -> None:
    values["kernel"] = (kernel_of(convs[0]),)


def _plain(_name: str, convs: Sequence[nn.Module], values: Any, whole: Any, _by: int) -> None:
    values["kernel"] = (kernel_of(convs[0]),)
    whole["bias"] = getattr(convs[0], "bias", None) is not None


_OF: Final[Mapping[str, Any]] = {
    "mbconv": _mbconv,
    "depthwise": _depthwise,
    "fused-mbconv": _fused,
    "uib": _uib,
    "regnet": _regnet,
    "regnetv": _regnet,
    "regnetz": _regnetz,
    "convnext": _convnext,
    "plain": _plain,
}


def _gate(name: str, gate: nn.Module, entered: int, act: str) -> tuple[Any, ...]:
    parts = dict(gate.named_children())
    first, second = (
        next((parts[key] for key in keys if key in parts), None)
        for keys in (("fc1", "conv_reduce"), ("fc2", "conv_expand"))
    )
    ends = next((parts[key] for key in ("gate", "scale_activation") if key in parts), None)
    acts = act_of([leaf for key, part in parts.items() for leaf in leaves(part, key)])
    if not isinstance(first, nn.Conv2d) or not isinstance(second, nn.Conv2d) or ends is None or not acts:
        raise InferError(f"the attention of {name} is {type(gate).__name__}, which is not read")
    hard = type(ends).__name__.lower() == "hardsigmoid"
    widths = entered, second.out_channels, first.out_channels
    found = squeezes(*widths, act=acts[0], of_block=act, hard=hard)
    if not found:
        raise InferError(
            f"nothing gives the attention of {name} its {first.out_channels} channels:"
            f" {entered} enter the block, and it scales {second.out_channels}"
        )
    return found
