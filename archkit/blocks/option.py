"""`Option`: one row of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from archkit.blocks.values import Values

__all__ = ["Option", "Variant"]


class Variant(NamedTuple):
    """Another way to read a notation that does not state this option.

    text: the value, in the language.
    weight: how far-fetched it is compared with other single changes; 10 for what papers often leave out.
    """

    text: str
    weight: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Option:
    """An option of the language, with everything there is to say about it.

    The parser, the canonical text, the checks, spaces, `reconcile`, the tests' random networks and the
    table of docs/language.md are made from these rows.

    Attributes:
        key: its name.
        values: what it may be set to.
        default: its value where none is given, or a function that finds it from `blocks`, `channels` and
            the values of the options before it.
        says: what it means, for docs/language.md.
        shown: its values there, where `values` does not say enough.
        by_stage: whether it has a value for each stage; one value then stands for all.
        list_only: whether one value cannot stand for all stages.
        variants: for `reconcile`; a function takes the values of the network that was asked about.
    """

    key: str
    values: Values
    default: Any
    says: str
    shown: str | None = None
    by_stage: bool = False
    list_only: bool = False
    variants: tuple[Variant, ...] | Callable[[Mapping[str, Any]], tuple[Variant, ...]] = ()

    def default_among(self, values: Mapping[str, Any]) -> Any:
        """Its default, given the other values; a tuple with one for each stage if it is given by stage."""
        if callable(self.default):
            return self.default(values)
        return (self.default,) * len(values["blocks"]) if self.by_stage else self.default
