"""The syntax tree that specs and search spaces share; `archkit.spec.syntax` reads a text into one.

Every node keeps the offsets of what it was read from, so that whoever finds something wrong later can
still point at it. Nothing here knows what a key or a word means.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

__all__ = ["Assignment", "Atom", "Items", "Many", "Node", "Span", "Text", "Through"]

Span: TypeAlias = tuple[int, int]


class Atom(NamedTuple):
    """A number, a number with decimals, a word with an optional `:NUMBER`, or sizes such as `3x32x32`."""

    span: Span
    number: int | None = None
    word: str | None = None
    argument: int | None = None
    sizes: tuple[int, ...] | None = None
    decimal: Decimal | None = None


class Through(NamedTuple):
    """`low..high:step`; `high` is None where the range has no upper end."""

    span: Span
    low: int
    high: int | None
    step: int


class Many(NamedTuple):
    """`{...}`: one of several."""

    span: Span
    items: tuple[Node, ...]


class Items(NamedTuple):
    """`[...]`: one for each stage; `repeat` is the range after `*`."""

    span: Span
    items: tuple[Node, ...]
    repeat: Atom | Through | None = None


Node: TypeAlias = Atom | Through | Many | Items


class Assignment(NamedTuple):
    """`key=value`."""

    key: str
    key_span: Span
    value: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text that has been read: its base and its options."""

    text: str
    name: Atom | None
    blocks: Items | None
    channels: Items | None
    options: tuple[Assignment, ...]
