"""The language: text -> `ArchSpec` and back, and the named architectures."""

from archkit.spec.arch import ArchSpec, Attention, Norm, Stem
from archkit.spec.text import format_spec, parse

__all__ = ["ArchSpec", "Attention", "Norm", "Stem", "format_spec", "parse"]
