"""What a network is drawn from: stems, kinds of block and heads, each drawn once with a pen."""

# Each of these adds its families; the default family comes first.
from archkit.blocks import residual as residual  # isort: skip
from archkit.blocks import mbconv as mbconv  # isort: skip
from archkit.blocks import uib as uib  # isort: skip
from archkit.blocks import regnet as regnet  # isort: skip
from archkit.blocks import regnet_kin as regnet_kin  # isort: skip
from archkit.blocks import convnext as convnext  # isort: skip
from archkit.blocks import plain as plain  # isort: skip
from archkit.blocks.family import (
    FAMILIES,
    Family,
    Places,
    add_family,
    draw_block,
    family_for_now,
    own_options,
    takers,
)
from archkit.blocks.gates import ATTENTION, NO_ATTENTION, Attention
from archkit.blocks.heads import HEAD_KEYS, HeadSetting, draw_head
from archkit.blocks.norms import BATCH_NORM, NORM, Norm, normalise
from archkit.blocks.option import Option, Variant
from archkit.blocks.pen import Draw, Pen
from archkit.blocks.squeeze import Squeeze
from archkit.blocks.stems import STEM_KEYS, STEMS, Stem, StemSetting, draw_stem
from archkit.blocks.symbol import Symbol

__all__ = [
    "ATTENTION",
    "BATCH_NORM",
    "FAMILIES",
    "HEAD_KEYS",
    "NORM",
    "NO_ATTENTION",
    "STEMS",
    "STEM_KEYS",
    "Attention",
    "Draw",
    "Family",
    "HeadSetting",
    "Norm",
    "Option",
    "Pen",
    "Places",
    "Squeeze",
    "Stem",
    "StemSetting",
    "Symbol",
    "Variant",
    "add_family",
    "draw_block",
    "draw_head",
    "draw_stem",
    "family_for_now",
    "normalise",
    "own_options",
    "takers",
]
