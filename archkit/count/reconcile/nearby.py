"""The networks near by, for a figure that no reading of the notation explains."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Final

from archkit.count.reconcile.variants import Change
from archkit.spec import ArchSpec, parse, zoo
from archkit.spec.options import BLOCKS, CHANNELS

__all__ = ["name_of", "named", "near"]

_FACTORS: Final = ((1, 2), (2, 1), (3, 4), (3, 2), (5, 4), (1, 4), (4, 1))
_STEPS: Final = (8, 16, 32, 64)


def near(spec: ArchSpec) -> Iterator[Change]:
    """Other blocks, and other widths: of all stages or of one."""
    seen = {spec.blocks, spec.channels}
    for key, values, weight in (*_blocks(spec.blocks), *_widths(spec.channels)):
        limits = BLOCKS if key == "blocks" else CHANNELS
        if values not in seen and all(limits.low <= value <= limits.high for value in values):
            seen.add(values)
            was = spec.blocks if key == "blocks" else spec.channels
            yield Change(key, values, f"{_text(values)} instead of {_text(was)}", weight)


def _text(values: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, values))}]"


def _blocks(blocks: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """One block more or less in any of the stages, and up to three in one of them."""
    n = len(blocks)
    moves = {tuple(k * (i == j) for j in range(n)) for i in range(n) for k in (-3, -2, 2, 3)}
    if n <= 6:
        moves.update(product((-1, 0, 1), repeat=n))
    else:
        moves.update(tuple(k * (i == j) for j in range(n)) for i in range(n) for k in (-1, 1))
    for move in moves:
        yield "blocks", tuple(a + b for a, b in zip(blocks, move, strict=True)), 10 * sum(map(abs, move))


def _widths(channels: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...], int]]:
    for i, (up, down) in enumerate(_FACTORS):
        if all(c * up % down == 0 for c in channels):
            yield "channels", tuple(c * up // down for c in channels), 12 + i
    for at, c in enumerate(channels):
        others = dict.fromkeys(
            [c * up // down for up, down in _FACTORS] + [c + s for step in _STEPS for s in (step, -step)]
        )
        for i, other in enumerate(others):
            yield "channels", (*channels[:at], other, *channels[at + 1 :]), 14 + i


def name_of(spec: ArchSpec) -> str | None:
    """The name of an architecture, if it has one."""
    return _names_of(str(spec).partition(" ")[0]).get(spec)


@lru_cache(maxsize=64)
def _names_of(shape: str) -> dict[ArchSpec, str]:
    """The named architectures of these blocks and channels: the others need not be read."""
    alike = [entry for entry in zoo.entries() if entry.spec.partition(" ")[0] == shape]
    return {parse(entry.spec): entry.name for entry in reversed(alike)}


def named() -> Iterator[tuple[str, ArchSpec]]:
    """The architectures that have a name."""
    for entry in zoo.entries():
        yield entry.name, parse(entry.spec)
