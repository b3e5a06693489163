"""The language: text -> `ArchSpec` and back, spaces of them, and the named architectures."""

from archkit.blocks import Attention, Norm, Stem
from archkit.spec.arch import ArchSpec
from archkit.spec.space import DEFAULT_SPACE, SPACES, SearchSpace
from archkit.spec.space_text import parse_space
from archkit.spec.text import as_spec, parse

__all__ = [
    "DEFAULT_SPACE",
    "SPACES",
    "ArchSpec",
    "Attention",
    "Norm",
    "SearchSpace",
    "Stem",
    "as_spec",
    "parse",
    "parse_space",
]
