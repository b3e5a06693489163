"""Seeds and shards from the texts of a command line."""

from __future__ import annotations

import re
from typing import Final

from archkit.errors import RunError

__all__ = ["MOST_RUNS", "read_seeds", "read_shard"]

MOST_RUNS: Final = 10_000
"""How many runs a suite may have, and how many seeds one range may stand for."""


def read_shard(text: str) -> tuple[int, int]:
    """The number of a shard and how many there are, from `2/8`.

    Raises:
        RunError: it says no such thing.
    """
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise RunError(f"a shard is written 1/8 to 8/8, its number and how many there are, not {text!r}")
    return int(match[1]), int(match[2])


def read_seeds(text: str) -> tuple[int, ...]:
    """Seeds from a text; both ends of a range belong to it.

    >>> read_seeds("0..2,7")
    (0, 1, 2, 7)

    Raises:
        RunError: it is no list of seeds and ranges, or a seed is listed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        matched = re.fullmatch(r"\s*(\d{1,18})(?:\.\.(\d{1,18}))?\s*", part, re.ASCII)
        if matched is None:
            raise RunError(f"seeds are numbers and ranges, such as 0..2 or 0,1,5, not {text!r}")
        first = int(matched[1])
        last = first if matched[2] is None else int(matched[2])
        if not first <= last < first + MOST_RUNS:
            raise RunError(f"the range of seeds {part.strip()} has no seed in it, or more than {MOST_RUNS:,}")
        seeds.extend(range(first, last + 1))
    if len(set(seeds)) < len(seeds):
        raise RunError(f"a seed is listed twice in {text!r}")
    return tuple(seeds)
