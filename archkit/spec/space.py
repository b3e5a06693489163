"""`SearchSpace`: many networks at once, the same language with sets in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from archkit.spec.arch import ArchSpec
from archkit.spec.sets import IntSet

__all__ = ["DEFAULT_SPACE", "ORDERS", "SPACES", "Combination", "Order", "SearchSpace"]

Order: TypeAlias = Literal["any", "nondecreasing", "increasing"]
ORDERS: Final[tuple[Order, ...]] = ("any", "nondecreasing", "increasing")

DEFAULT_SPACE: Final = "[1..9]*3..4x[16..320:16] order=nondecreasing"
"""3 or 4 stages of 1 to 9 basic blocks, channels 16 to 320 that never fall: the ResNets that people train on
CIFAR-10, and what lies between them. No map is smaller than 4x4."""

SPACES: Final = {
    "default": DEFAULT_SPACE,
    "imagenet": "[1..8]*4x[32..512:32] order=nondecreasing block=bottleneck stem=conv7 input=3x224x224"
    " classes=1000",
    "paper": "[1..4]*3..5x[{16,32,64,128,256,512}] order=nondecreasing",
}
"""Spaces that go by name. `imagenet` holds ResNet-50. `paper` holds every stage plan of the paper that
docs/paper.md checks: 3 to 5 stages of 1 to 4 basic blocks, channels 16 to 512 doubling and never falling."""


class Combination(NamedTuple):
    """One combination of options: their values, and their text."""

    text: str
    options: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSpace:
    """A set of networks. Make one with `parse_space`.

    Attributes:
        blocks: the numbers of blocks of each stage; one entry where it holds for every stage.
        channels: the base widths of each stage; one entry where it holds for every stage.
        stages: the fewest and the most stages.
        order: what the channels of one stage must be to those of the one before it.
        combinations: of options.
    """

    blocks: tuple[IntSet, ...]
    channels: tuple[IntSet, ...]
    stages: tuple[int, int]
    order: Order
    combinations: tuple[Combination, ...]
    text: str

    def skeletons(self) -> Iterator[tuple[Combination, int]]:
        """Each combination with each number of stages: what one set of tables stands for."""
        for combination in self.combinations:
            for stages in range(self.stages[0], self.stages[1] + 1):
                yield combination, stages

    def by_stage(self, stages: int) -> tuple[tuple[IntSet, IntSet], ...]:
        """(blocks, channels) of each of so many stages."""
        blocks = self.blocks * stages if len(self.blocks) == 1 else self.blocks
        channels = self.channels * stages if len(self.channels) == 1 else self.channels
        return tuple(zip(blocks, channels, strict=True))

    def allows(self, c_before: int, c: int) -> bool:
        """Whether a stage of `c` channels may follow one of `c_before`."""
        if self.order == "any":
            return True
        return c > c_before if self.order == "increasing" else c >= c_before

    def size(self) -> int | None:
        """How many networks it holds, exactly; None where a range has no upper end.

        Stages are counted one by one: in how many ways a network can end at each width.
        """
        if not all(one.finite for one in (*self.blocks, *self.channels)):
            return None
        total = 0
        for stages in range(self.stages[0], self.stages[1] + 1):
            ways: dict[int, int] = {}
            for i, (blocks, channels) in enumerate(self.by_stage(stages)):
                before = self._ways_before(ways, channels.values) if i else [1] * len(channels.values)
                n = len(blocks.values)
                ways = {c: n * w for c, w in zip(channels.values, before, strict=True)}
            total += sum(ways.values())
        return total * len(self.combinations)

    def _ways_before(self, ways: dict[int, int], channels: tuple[int, ...]) -> list[int]:
        """For each width, in how many ways the stages before it can end; widths ascend."""
        if self.order == "any":
            return [sum(ways.values())] * len(channels)
        found, total, widths, at = [], 0, list(ways), 0
        for c in channels:
            while at < len(widths) and self.allows(widths[at], c):
                total += ways[widths[at]]
                at += 1
            found.append(total)
        return found

    def spec(self, combination: Combination, blocks: tuple[int, ...], channels: tuple[int, ...]) -> ArchSpec:
        """The network of one combination with these blocks and channels.

        Raises:
            SpecError: no network has this combination.
        """
        return ArchSpec.make(blocks, channels, **dict(combination.options))

    def __str__(self) -> str:
        """The text it was read from."""
        return self.text
