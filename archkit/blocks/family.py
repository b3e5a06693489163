"""`Family`: a kind of block, and the table of all kinds."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from archkit.blocks.option import Option
from archkit.blocks.pen import Pen

__all__ = [
    "FAMILIES",
    "Family",
    "Places",
    "add_family",
    "draw_block",
    "family_for_now",
    "own_options",
    "takers",
]


class Places(NamedTuple):
    """Where the layers of a network stand in a library's network.

    network: what it is called: `EfficientNet`.
    stem: names inside the stem here, and there.
    head: the same of the head.
    blocks: for each stage, for each block, how its names begin there.
    inside: the names inside a block of a stage, from its setting. One that ends in `=` is that of a tensor,
        not of a module.
    layers: full names of layers, here and there, that these do not say.
    """

    network: str
    stem: Mapping[str, str]
    head: Mapping[str, str]
    blocks: Sequence[Sequence[str]]
    inside: Callable[[Any], Mapping[str, str]]
    layers: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Family:
    """A kind of block: how it is drawn, its options, its names in other libraries, its source.

    A further block of a stage leaves its map as it enters, so that one drawing stands for all of them; and
    what leaves a stage depends on the stage's own width alone.

    Attributes:
        name: the word behind `block=`.
        draw: draws one block: `draw(pen, at, c, stride, first)`, where `at` has the options' values at
            the block's stage, `c` is the base width, `stride` is 1 except in the first block of a stage,
            and `first` says whether this is the first block.
        options: those that it takes: keys of the shared rows, and rows of its own.
        source: where it was published.
        option_keys: the keys of its options.
        noun: what several of its blocks are called in a message.
        defaults: of options, where they are not those of other families.
        norms_pooled: whether the head norms what it has pooled, or the map before that (`head_norm`).
        activates_first: whether a block norms and activates what enters it, so that the stem leaves that
            to the first block, and the head does it once more.
        activates_last: whether the head activates what leaves the last block, without a norm and unless it
            has a conv of its own there.
        keys: for a library, the function from `at` to the names that the layers have inside its block;
            a layer without a name has no module there.
        places: for a library that has the family in another network than its ResNet, the function from a
            spec to the names there.
    """

    name: str
    draw: Callable[..., None]
    options: tuple[str | Option, ...]
    source: str
    noun: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    norms_pooled: bool = False
    activates_first: bool = False
    activates_last: bool = False
    keys: Mapping[str, Callable[[Any], dict[str, str]]] = field(default_factory=dict)
    places: Mapping[str, Callable[[Any], Places | None]] = field(default_factory=dict)
    option_keys: frozenset[str] = field(init=False)
    _setting: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys = [one.key if isinstance(one, Option) else one for one in self.options]
        object.__setattr__(self, "option_keys", frozenset(keys))
        # The stride is an argument of the drawing: a stage's first block has one that the others do not have.
        fields = ["family", *(key for key in keys if key != "stride")]
        object.__setattr__(self, "_setting", namedtuple("Setting", fields))
        if not self.noun:
            object.__setattr__(self, "noun", f"{self.name} blocks")

    def setting(self, values: Mapping[str, Any], stage: int, by_stage: frozenset[str]) -> Any:
        """The values by which the blocks of a stage, counted from 0, are drawn.

        They are a named tuple that has the family too, so that what is remembered under it is never
        that of another family of the same name.
        """
        keys = self._setting._fields[1:]
        found = [values[key][stage] if key in by_stage else values[key] for key in keys]
        return self._setting(self, *found)


FAMILIES: Final[dict[str, Family]] = {}
"""Every family by its name, the default first."""


def add_family(family: Family) -> None:
    """Adds a family to the language.

    Raises:
        ValueError: there is one of this name.
    """
    if family.name in FAMILIES:
        raise ValueError(f"there is a family called {family.name} already")
    FAMILIES[family.name] = family


def draw_block(pen: Pen, setting: Any, c: Any, stride: int, *, first: bool) -> None:
    """Draws one block.

    Args:
        pen: at what enters it.
        setting: of its stage, as `Family.setting` makes it.
        c: base width.
        stride: of the block: 1 except in the first one of a stage.
        first: whether it is the first one of its stage.
    """
    setting.family.draw(pen, setting, c, stride, first)


@contextmanager
def family_for_now(family: Family) -> Iterator[None]:
    """Adds a family for as long as the context lasts, to try it."""
    add_family(family)
    try:
        yield
    finally:
        del FAMILIES[family.name]


def own_options() -> Iterator[Option]:
    """The rows that families have of their own."""
    seen: set[str] = set()
    for family in FAMILIES.values():
        for one in family.options:
            if isinstance(one, Option) and one.key not in seen:
                seen.add(one.key)
                yield one


def takers(key: str) -> tuple[Family, ...]:
    """The families that take an option."""
    return tuple(family for family in FAMILIES.values() if key in family.option_keys)
