"""The language: text -> `ArchSpec` and back, spaces of them, and the named architectures."""

from archkit.spec.arch import ArchSpec
from archkit.spec.canonical import format_spec
from archkit.spec.space import DEFAULT_SPACE, SearchSpace
from archkit.spec.space_text import parse_space
from archkit.spec.text import parse
from archkit.spec.vocabulary import Attention, Norm, Stem

__all__ = [
    "DEFAULT_SPACE",
    "ArchSpec",
    "Attention",
    "Norm",
    "SearchSpace",
    "Stem",
    "format_spec",
    "parse",
    "parse_space",
]
