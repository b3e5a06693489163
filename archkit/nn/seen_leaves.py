"""The modules of a network that matter to what is read off it, and what convs show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torch import nn

from archkit.errors import InferError

__all__ = [
    "Leaf",
    "act_of",
    "channels_of",
    "convs_of",
    "group_width",
    "is_depthwise",
    "is_same",
    "kernel_of",
    "leaves",
    "stride_of",
]

_NORMS: Final = nn.GroupNorm | nn.modules.batchnorm._BatchNorm | nn.LayerNorm
_OTHER_NORMS: Final = ("RmsNorm2d", "SimpleNorm2d")
_ACTS: Final = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "SiLU": "silu",
    "Swish": "silu",
    "Hardswish": "hswish",
    "HardSwish": "hswish",
    "GELU": "gelu",
    "GELUTanh": "gelu-tanh",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A module that stands for a layer, or for the gate of a block.

    sort: `conv`, `mix`, `linear`, `norm`, `act`, `max`, `avg`, `blur`, `se` or `grn`.
    """

    name: str
    sort: str
    module: nn.Module


def leaves(module: nn.Module, name: str) -> Iterator[Leaf]:
    """The modules that matter, in the order in which they are defined."""
    kind = type(module).__name__
    if isinstance(module, _NORMS) or kind in _OTHER_NORMS:
        yield Leaf(name, "norm", module)
        act = getattr(module, "act", None)  # timm's norms may have one
        if isinstance(act, nn.Module):
            yield from leaves(act, f"{name}.act")
    elif kind == "MixedConv2d":
        yield Leaf(name, "mix", module)
    elif any(word in kind for word in ("Squeeze", "SEModule")):
        yield Leaf(name, "se", module)
    elif kind == "GlobalResponseNorm":
        yield Leaf(name, "grn", module)
    elif isinstance(module, nn.Conv2d):
        yield Leaf(name, "conv", module)
    elif isinstance(module, nn.Linear):
        yield Leaf(name, "linear", module)
    elif kind in _ACTS:
        yield Leaf(name, "act", module)
    elif isinstance(module, nn.MaxPool2d):
        yield Leaf(name, "max", module)
    elif isinstance(module, nn.AdaptiveAvgPool2d | nn.AvgPool2d):
        yield Leaf(name, "avg", module)
    elif kind.startswith("BlurPool"):
        yield Leaf(name, "blur", module)
    else:
        for key, child in module.named_children():
            yield from leaves(child, f"{name}.{key}".lstrip("."))


def act_of(found: Sequence[Leaf]) -> tuple[str, ...]:
    """The activation of some leaves, as a tuple of one; empty where they have none.

    Raises:
        InferError: they have several.
    """
    words = {}
    for leaf in found:
        if leaf.sort == "act":
            word = _ACTS[type(leaf.module).__name__]
            words["gelu-tanh" if getattr(leaf.module, "approximate", "none") == "tanh" else word] = leaf.name
    if len(words) > 1:
        said = " and ".join(f"{word} ({name})" for word, name in words.items())
        raise InferError(f"the language has one activation for a stage, and here are {said}")
    return tuple(words)


def channels_of(conv: nn.Module) -> tuple[int, int]:
    """Channels that enter and leave a conv, or several side by side, or a linear layer."""
    if isinstance(conv, nn.Conv2d):
        return conv.in_channels, conv.out_channels
    if isinstance(conv, nn.Linear):
        return conv.in_features, conv.out_features
    parts = [channels_of(part) for part in conv.children()]
    return sum(c for c, _ in parts), sum(c for _, c in parts)


def convs_of(conv: nn.Module) -> list[nn.Conv2d]:
    """The conv, or those that stand side by side in it; none of a linear layer."""
    return [part for part in conv.modules() if isinstance(part, nn.Conv2d)]


def stride_of(conv: nn.Module) -> int:
    """Its stride."""
    return next((part.stride[0] for part in convs_of(conv)), 1)


def is_same(conv: nn.Module) -> bool:
    """Whether a conv is padded as TensorFlow does."""
    return any(type(part).__name__ == "Conv2dSame" and part.stride[0] != 1 for part in convs_of(conv))


def kernel_of(conv: nn.Module) -> int:
    """Its kernel, the smallest of those side by side."""
    return min((part.kernel_size[0] for part in convs_of(conv)), default=1)


def is_depthwise(conv: nn.Module) -> bool:
    """Whether it has a group for each channel."""
    return all(part.groups == part.in_channels != 1 for part in convs_of(conv)) and convs_of(conv) != []


def group_width(conv: nn.Module) -> int:
    """Channels of each group; 0 where there is one group, or one for each channel."""
    first = convs_of(conv)[0]
    return 0 if first.groups in (1, first.in_channels) else first.in_channels // first.groups
