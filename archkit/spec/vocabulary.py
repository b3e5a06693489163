"""The words, numbers and defaults of the language."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from archkit.spec.blocks import EXPANSION

__all__ = [
    "ATTENTION",
    "BATCH_NORM",
    "CHOICES",
    "DEFAULT_CLASSES",
    "DEFAULT_INPUT",
    "LIMITS",
    "NORM",
    "NO_ATTENTION",
    "STEM_WIDTH",
    "AntiAlias",
    "Attention",
    "Block",
    "Limit",
    "Norm",
    "Project",
    "Shortcut",
    "Stem",
    "StemPool",
    "choices",
    "default_stem_pool",
    "default_stride",
    "strided",
]

Block: TypeAlias = Literal["basic", "bottleneck", "preact", "preact-bottleneck"]
Shortcut: TypeAlias = Literal["conv1", "conv3", "avg", "pad"]
Project: TypeAlias = Literal["change", "stage"]
StemPool: TypeAlias = Literal["none", "max", "conv"]
AntiAlias: TypeAlias = Literal["none", "avg", "blur"]


class Stem(NamedTuple):
    """What stands before the first stage.

    kind: `conv3`, one 3x3 conv of stride 1; `conv7`, one 7x7 conv of stride 2 (He et al. for ImageNet);
        `deep`, three 3x3 convs of `width`, `width` and `2 * width` channels, the first of stride 2
        (ResNet-C and -D); `tiered`, the same with `3 * (width // 4)`, `width`, `2 * width` (timm's -T).
    width: channels.
    """

    kind: str
    width: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Output channels of each conv."""
        if self.kind == "deep":
            return (self.width, self.width, 2 * self.width)
        if self.kind == "tiered":
            return (3 * (self.width // 4), self.width, 2 * self.width)
        return (self.width,)


class Attention(NamedTuple):
    """Channel attention: `none`, `se`, `se-plain` or `eca`.

    `se` rounds its squeezed channels to multiples of 8 as timm does, `se-plain` takes the quotient
    alone as Hu et al. do; `eca` is Wang et al.'s.
    reduction: of squeeze-and-excitation (channels over squeezed channels); 0 for the others.
    """

    kind: str
    reduction: int = 0


class Norm(NamedTuple):
    """What normalises after each conv: `batch`, `group` or `none`; `groups` is 0 but for `group`."""

    kind: str
    groups: int = 0


NO_ATTENTION: Final = Attention("none")
BATCH_NORM: Final = Norm("batch")


class Limit(NamedTuple):
    """The range that a number of the language must lie in, both ends included."""

    low: int
    high: int


LIMITS: Final = {
    "stages": Limit(1, 32),
    "blocks": Limit(1, 100_000),
    "channels": Limit(1, 65_536),
    "kernel": Limit(1, 31),
    "stride": Limit(1, 8),
    "groups": Limit(1, 65_536),
    "base_width": Limit(1, 65_536),
    "reduce": Limit(1, 64),
    "stem": Limit(1, 65_536),
    "stem_attn": Limit(1, 65_536),
    "attn": Limit(1, 65_536),
    "norm": Limit(1, 65_536),
    "pool": Limit(1, 16_384),
    "classes": Limit(1, 10_000_000),
    "input channels": Limit(1, 65_536),
    "input size": Limit(1, 16_384),
}

STEM_WIDTH: Final = {"conv3": None, "conv7": 64, "deep": 32, "tiered": 32}
"""Kinds of stem and their default width; None is the first stage's."""

ATTENTION: Final = {"none": 0, "se": 16, "se-plain": 16, "eca": 0}
"""Kinds of attention and their default reduction (Hu et al. 2018, section 6)."""

NORM: Final = {"batch": 0, "group": 32, "none": 0}
"""Kinds of norm and their default number of groups (Wu and He 2018, section 4.1)."""

DEFAULT_INPUT: Final = (3, 32, 32)
DEFAULT_CLASSES: Final = 10

CHOICES: Final = {
    "block": tuple(EXPANSION),
    "shortcut": get_args(Shortcut),
    "project": get_args(Project),
    "stem_pool": get_args(StemPool),
    "aa": get_args(AntiAlias),
}
"""Fields that are one word, and the words, the default first."""


def choices(name: str) -> tuple[str, ...]:
    """The words that a field takes, the default first."""
    return {
        "stem": tuple(STEM_WIDTH),
        "stem_attn": tuple(ATTENTION),
        "attn": tuple(ATTENTION),
        "norm": tuple(NORM),
    }.get(name) or CHOICES[name]


def default_stride(stages: int) -> tuple[int, ...]:
    """1 for the first stage, 2 for each other."""
    return (1,) + (2,) * (stages - 1)


def default_stem_pool(kind: str) -> StemPool:
    """Max pooling after the stems made for large images, nothing after one 3x3 conv."""
    return "none" if kind == "conv3" else "max"


def strided(size: int, stride: int) -> int:
    """Rows that are left of `size` after a stride, where the padding is half the kernel."""
    return -(-size // stride)
