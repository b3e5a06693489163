"""Which blocks of a network are of one class, as somebody would write it, and how their layers correspond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from archkit.export.spellings import ACTIVATIONS, structure
from archkit.plan import Gate, Layer, Node, Residual

__all__ = ["Entry", "Kind", "Meets", "aligned", "kinds_of"]


class Meets(NamedTuple):
    """How a residual ends in one block.

    adds: whether it is a sum; where the map changes and there is no shortcut, the body stands alone.
    projects: whether something stands on the shortcut.
    """

    adds: bool
    projects: bool


Entry: TypeAlias = "Layer | Gate | Meets | None"
"""What a block has in a place of its class; None where it lacks the layer."""

Chain: TypeAlias = tuple[Node, ...]


@dataclass(kw_only=True, slots=True, eq=False)
class Kind:
    """A class that is to be written.

    Attributes:
        nodes: of the member that has the most.
        members: the blocks, or gates' branches, that are of it, in the order of the network.
    """

    nodes: Chain
    members: list[Chain] = field(default_factory=list)

    def columns(self) -> list[tuple[Entry, ...]]:
        """For each place, what each member has there."""
        rows = [aligned(self.nodes, member) for member in self.members]
        return list(zip(*(row for row in rows if row is not None), strict=True))


def kinds_of(chains: Iterable[Chain]) -> list[Kind]:
    """The fewest classes that the chains are of, in the order in which they appear."""
    members = list(chains)
    found: list[Kind] = []
    # What lacks a shortcut is of the class of what has one, so that those that have more come first.
    for chain in sorted(members, key=lambda chain: -_size(chain)):
        if all(aligned(kind.nodes, chain) is None for kind in found):
            found.append(Kind(nodes=chain))
    for chain in members:
        next(kind for kind in found if aligned(kind.nodes, chain) is not None).members.append(chain)
    return sorted(found, key=lambda kind: members.index(kind.members[0]))


def aligned(kind: Chain, chain: Chain) -> list[Entry] | None:
    """What a chain has in each place of a class; None if it is not of the class."""
    found, end = _chain(kind, chain, 0, exact=False)
    return found if end == len(chain) else None


def _chain(kind: Chain, chain: Chain, at: int, *, exact: bool) -> tuple[list[Entry] | None, int]:
    """The entries from `at` on, and where they end."""
    entries: list[Entry] = []
    for node in kind:
        there = chain[at] if at < len(chain) else None
        if isinstance(node, Residual):
            found, at = _residual(node, there, chain, at)
        else:
            found, at = (None if there is None else _one(node, there, exact=exact)), at + 1
        if found is None:
            return None, -1
        entries += found
    return entries, at


def _one(node: Layer | Gate, there: Node, *, exact: bool) -> list[Entry] | None:
    if isinstance(node, Gate):
        same = isinstance(there, Gate) and _last(node.name) == _last(there.name)
        return [there] if same and aligned(node.factors, there.factors) is not None else None  # type: ignore[union-attr,list-item]  # `same` says that it is a gate
    if not isinstance(there, Layer) or node.own_name != there.own_name:
        return None
    if node.kind in ACTIVATIONS and there.kind in ACTIVATIONS and not exact:
        return [there]
    return [there] if node.kind == there.kind and structure(node) == structure(there) else None


def _residual(node: Residual, there: Node | None, chain: Chain, at: int) -> tuple[list[Entry] | None, int]:
    if not isinstance(there, Residual):
        # The body may stand alone there.
        body, end = (None, -1) if node.shortcut else _chain(node.body, chain, at, exact=False)
        return (None if body is None else [*body, Meets(adds=False, projects=False)]), end
    body = aligned(node.body, there.body)
    if body is None:
        return None, -1
    aside: list[Entry] | None
    if there.shortcut:
        aside, end = _chain(node.shortcut, there.shortcut, 0, exact=True)
        if aside is None or end != len(there.shortcut) or not node.shortcut:
            return None, -1
    else:
        aside = [None for _ in node.shortcut]
    return [*body, *aside, Meets(adds=True, projects=bool(there.shortcut))], at + 1


def _size(nodes: Sequence[Node]) -> int:
    """How many places a chain has."""
    total = 0
    for node in nodes:
        total += 1 if not isinstance(node, Residual) else 1 + _size(node.body) + _size(node.shortcut)
    return total


def _last(name: str) -> str:
    return name.rpartition(".")[2]
