"""Architectures that have a name, each with the source of its shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["Known", "entries", "find", "names"]


class Known(NamedTuple):
    """A name, the spec it stands for, and where the architecture was published."""

    name: str
    spec: str
    source: str


_PAPER: Final = "the ResNet under 5M parameters on CIFAR-10 (see docs/paper.md)"
_SMALL: Final = "shortcut=conv3"

_ENTRIES: Final = (
    Known("resnet10", "[2,1,1,1]x[64,128,256,512] bias=yes", _PAPER),
    Known("resnet12", f"[2,2,2]x[16,32,64] {_SMALL}", _PAPER),
    Known("resnet14-4", f"[2,2,2,1]x[16,32,64,512] stride=[1,2,2,1] {_SMALL}", _PAPER),
    Known("resnet14-5", f"[2,3,3,1,1]x[16,32,64,128,512] stride=[1,2,2,1,1] {_SMALL}", _PAPER),
    Known("paper-resnet18", "[2,2,2,2]x[64,128,256,512] bias=yes", _PAPER),
)

_BY_NAME: Final = {known.name: known for known in _ENTRIES}


def find(name: str) -> str | None:
    """The spec that a name stands for, or None; letters of either case."""
    known = _BY_NAME.get(name.lower())
    return None if known is None else known.spec


def names() -> tuple[str, ...]:
    """Every name, in the order of the list."""
    return tuple(_BY_NAME)


def entries() -> Iterator[Known]:
    """Every named architecture."""
    return iter(_ENTRIES)
