"""The options of the language: one row each.

A row says what its option may be set to, its default, what it means and how else a paper may have meant
it. The parser, the canonical text, the checks, spaces, `archkit reconcile`, the tests' random networks
and the table of docs/language.md are made from these rows. A family may bring rows of its own
(`archkit.blocks.family`); they stand before those of the stem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from archkit.blocks import (
    ATTENTION,
    BATCH_NORM,
    FAMILIES,
    NO_ATTENTION,
    NORM,
    STEMS,
    Attention,
    Family,
    Norm,
    own_options,
)
from archkit.blocks.activations import ACTIVATIONS
from archkit.blocks.convs import PADDINGS
from archkit.blocks.option import Option, Variant
from archkit.blocks.value_sorts import Kinds, Sizes, Switch, Whole, Words
from archkit.blocks.values import Range
from archkit.spec.head_options import OF_HEAD
from archkit.spec.stem_values import StemValues, stem_variants

__all__ = ["BLOCKS", "CHANNELS", "OF_NETWORK", "STAGES", "by_stage", "options"]

STAGES: Final = Range(1, 32)
BLOCKS: Final = Range(1, 100_000)
"""Blocks of a stage."""
CHANNELS: Final = Range(1, 65_536)
"""Base width of a stage."""

_WIDTH: Final = Range(1, 65_536)
_SIZE: Final = Range(1, 16_384)


def _of_families(key: str, usual: Any) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A default by stage: what the family of the stage has of its own, or what is usual."""
    return lambda values: tuple(FAMILIES[name].defaults.get(key, usual) for name in values["block"])


def _strides(values: Mapping[str, Any]) -> tuple[int, ...]:
    return (1,) + (2,) * (len(values["blocks"]) - 1)


_ATTENTION_SAMPLES: Final = (
    NO_ATTENTION,
    NO_ATTENTION,
    Attention("eca"),
    Attention("se", 16),
    Attention("se", 3),
    Attention("se-plain", 4),
)
_NORM_SAMPLES: Final = (
    *(Norm("batch"), Norm("group", 1), Norm("none")),
    *(Norm(kind) for kind in ("layer", "layer-torch", "rms", "simple")),
)
_ATTENTION_VARIANTS: Final = (
    Variant("none", 14),
    Variant("se", 14),
    Variant("se:8", 15),
    Variant("se:4", 15),
    Variant("se-plain", 14),
    Variant("se-plain:8", 15),
    Variant("se-plain:4", 15),
    Variant("eca", 14),
)

_OF_BLOCKS: Final = (
    Option(
        key="block",
        values=Words(lambda: tuple(FAMILIES)),
        default="basic",
        by_stage=True,
        says="kind of block (He et al. 2016a, 2016b)",
    ),
    Option(
        key="kernel",
        values=Whole(1, 31, default=3, odd=True, samples=(3, 1, 5)),
        default=_of_families("kernel", 3),
        by_stage=True,
        says="kernel size of the basic block's convs and the middle one of others",
        shown="`3` (7 for `convnext`), any odd number up to 31",
        variants=(Variant("3", 13), Variant("5", 13), Variant("1", 13), Variant("7", 13)),
    ),
    Option(
        key="stride",
        values=Whole(1, 8, default=1, samples=(1, 2, 3)),
        default=_strides,
        by_stage=True,
        list_only=True,
        says="stride of the first block of each stage",
        shown="`[1,2,2,...]`",
    ),
    Option(
        key="shortcut",
        values=Words(("conv1", "conv3", "avg", "pad")),
        default="conv1",
        by_stage=True,
        says="what stands on it where the shape changes: a 1x1 conv, a 3x3 conv, average pooling then a 1x1"
        " conv (ResNet-D), zero-padding (option A)",
        variants=(Variant("conv1", 10), Variant("conv3", 10), Variant("pad", 10), Variant("avg", 12)),
    ),
    Option(
        key="project",
        values=Words(("change", "stage")),
        default="change",
        says="the shortcut projects where the shape changes, or at the first block of every stage",
        variants=(Variant("stage", 12), Variant("change", 12)),
    ),
    Option(
        key="shortcut_norm",
        values=Switch(default=True),
        default=True,
        says="whether the shortcut's conv has a norm (not so in MLPerf Tiny's ResNet-8)",
        variants=(Variant("no", 13), Variant("yes", 13)),
    ),
    Option(
        key="stride_at",
        values=Words(("middle", "first")),
        default="middle",
        says="which conv of a bottleneck carries the stride: the middle one (v1.5, torchvision and timm),"
        " or the first 1x1 (v1, He et al. 2016a)",
        variants=(Variant("first", 10), Variant("middle", 10)),
    ),
    Option(
        key="groups",
        values=Whole(1, 65_536, default=1, samples=(1, 2, 4)),
        default=1,
        says="groups of the bottleneck's middle conv (ResNeXt's cardinality)",
    ),
    Option(
        key="base_width",
        values=Whole(1, 65_536, default=64, samples=(64, 128, 100)),
        default=64,
        says="width of that conv for each group at 64 channels (ResNeXt's 4d, Wide ResNet's 128)",
    ),
    Option(
        key="reduce",
        values=Whole(1, 64, default=1, samples=(1, 1, 2)),
        default=1,
        says="divisor of the width of a block's first conv (2 in SENet-154)",
    ),
)

_AROUND_BLOCKS: Final = (
    Option(
        key="act",
        values=Words(ACTIVATIONS),
        default=_of_families("act", "relu"),
        by_stage=True,
        shown="`relu` (`gelu` for `convnext`) `relu6` `silu` `hswish` `gelu` `gelu-tanh`",
        says="activation; the stem and the head have that of the last stage",
    ),
    Option(
        key="ends_act",
        values=Words(("last", *ACTIVATIONS)),
        default="last",
        says="activation of stem and head where it is not that of the last stage (ReLU in MixNet)",
    ),
    Option(
        key="padding",
        values=Words(PADDINGS),
        default="symmetric",
        says="how a conv with a stride is padded: alike on both sides, or as TensorFlow does (`SAME`)",
    ),
    Option(
        key="stem",
        values=StemValues(_WIDTH),
        default=lambda values: StemValues.as_wide_as(values["channels"]),
        says="one 3x3 conv as wide as the first stage; none; ImageNet's 7x7 of stride 2; three 3x3 of N, N,"
        " 2N (ResNet-C, -D); of 3N/4, N, 2N (timm's -T); one 3x3 or 5x5 of stride 2 (mobile networks); one"
        " of 10 rows and 4 columns (keyword spotting); one of 4x4 or 2x2 whose windows lie side by side"
        " (ConvNeXt); two 3x3 of stride 2 (timm's ConvNeXts), with an activation between them for"
        " `overlap-act`",
        variants=stem_variants,
    ),
    Option(
        key="stem_pool",
        values=Words(("none", "max", "conv", "max-zeros")),
        default=lambda values: STEMS[values["stem"].kind].pool,
        says="what halves the map behind the stem; `max-zeros` takes the padding for zeros (BiT)",
        shown="`max` for `conv7`, `deep` and `tiered`, else `none`; `conv` `max-zeros`",
    ),
    Option(
        key="stem_attn",
        values=Kinds(ATTENTION, Attention, letter="R", samples=_ATTENTION_SAMPLES),
        default=NO_ATTENTION,
        says="channel attention behind the stem",
        variants=(Variant("se", 15), Variant("se-plain", 15), Variant("eca", 15)),
    ),
    Option(
        key="stem_norm",
        values=Switch(),
        default=False,
        says="whether the stem norms and activates what it puts out although pre-activation blocks follow",
        variants=(Variant("yes", 11), Variant("no", 11)),
    ),
    Option(
        key="attn",
        values=Kinds(ATTENTION, Attention, letter="R", samples=_ATTENTION_SAMPLES),
        default=NO_ATTENTION,
        says="channel attention at the end of each residual branch; `se` rounds its width to multiples of 8"
        " as timm does, `se-plain` takes the quotient as Hu et al. do; R is 16 if it is left out",
        variants=_ATTENTION_VARIANTS,
    ),
    Option(
        key="norm",
        values=Kinds(NORM, Norm, letter="G", samples=_NORM_SAMPLES),
        default=lambda values: FAMILIES[values["block"][0]].defaults.get("norm", BATCH_NORM),
        shown="`batch` (`layer` for `convnext`) `group[:G]` `none` `batch-tf` `group-width[:G]` `layer`"
        " `layer-torch` `rms` `simple`",
        says="what normalises after each conv (before it, with pre-activation): G groups, 32 if left out;"
        " groups of G channels; the channels of each position, in whole or by their root mean square (`rms`)"
        " or deviation (`simple`) alone; `batch-tf` has TensorFlow's epsilon of 0.001, `layer-torch` torch's"
        " of 0.00001",
        variants=(Variant("none", 13), Variant("batch", 13)),
    ),
    Option(
        key="aa",
        values=Words(("none", "avg", "blur", "blur-zeros")),
        default="none",
        says="anti-aliasing: a block's conv of stride 2 runs at stride 1 and this pooling follows;"
        " `blur-zeros` sees zeros at the edges, not the map reflected",
    ),
    Option(
        key="bias",
        values=Switch(),
        default=False,
        says="whether the convs have a bias",
        variants=(Variant("yes", 10), Variant("no", 10)),
    ),
    *OF_HEAD,
    Option(
        key="input",
        values=Sizes(_WIDTH, _SIZE, default=(3, 32, 32)),
        default=(3, 32, 32),
        says="channels x height x width of an image",
    ),
    Option(
        key="classes",
        values=Whole(1, 10_000_000, default=10, samples=(10, 1, 3, 20)),
        default=10,
        says="outputs of the head, a linear layer with bias",
        variants=(Variant("10", 12), Variant("100", 12), Variant("1000", 12)),
    ),
)

OF_NETWORK: Final = frozenset(
    {
        "block",
        "stem",
        "stem_pool",
        "stem_attn",
        "pool",
        "head_conv",
        "head_hidden",
        "head_bias",
        "input",
        "classes",
    }
)
"""Options that every network takes, whatever its blocks."""


def options() -> Mapping[str, Option]:
    """Every option by its key, in the order in which a canonical text has them."""
    return _options(tuple(FAMILIES.values()))


def by_stage() -> frozenset[str]:
    """The keys of the options that have a value for each stage."""
    return _by_stage(tuple(FAMILIES.values()))


@lru_cache
def _options(_families: tuple[Family, ...]) -> Mapping[str, Option]:
    return {row.key: row for row in (*_OF_BLOCKS, *own_options(), *_AROUND_BLOCKS)}


@lru_cache
def _by_stage(families: tuple[Family, ...]) -> frozenset[str]:
    return frozenset(key for key, row in _options(families).items() if row.by_stage)
