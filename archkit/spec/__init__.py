"""The language: text -> `ArchSpec` and back, and the named architectures."""

from archkit.spec.arch import ArchSpec
from archkit.spec.text import format_spec, parse
from archkit.spec.vocabulary import Attention, Norm, Stem

__all__ = ["ArchSpec", "Attention", "Norm", "Stem", "format_spec", "parse"]
