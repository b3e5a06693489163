"""`SearchSpace`: many networks at once, the same language with sets in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from archkit.spec.arch import ArchSpec
from archkit.spec.checks import something_is_asked
from archkit.spec.sets import IntSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archkit.spec.possible import Possible

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

    @property
    def stem_follows(self) -> bool:
        """Whether the stem is as wide as the first stage: it is, unless it is given a width of its own."""
        return all(value == "conv3" for key, value in self.options if key == "stem")


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

        Networks that the language refuses are none: groups that do not divide a width, and so on.
        """
        if not all(one.finite for one in (*self.blocks, *self.channels)):
            return None
        by_rule: dict[int, int] = {}  # the same for every combination that asks nothing of the widths
        total = 0
        for combination, stages in self.skeletons():
            like = self.frame(combination, stages)
            if something_is_asked(like.parts) or self._said_by_another(combination, like):
                total += self._possible_ways(combination, stages)
            else:
                if stages not in by_rule:
                    by_rule[stages] = self._ways(stages)
                total += by_rule[stages]
        return total

    def _ways(self, stages: int) -> int:
        """How many networks have so many stages, if every width is possible.

        Stages are counted one by one: in how many ways a network can end at each width.
        """
        ways: dict[int, int] = {}
        for i, (blocks, channels) in enumerate(self.by_stage(stages)):
            before = self._ways_before(ways, channels.values) if i else [1] * len(channels.values)
            n = len(blocks.values)
            ways = {c: n * w for c, w in zip(channels.values, before, strict=True)}
        return sum(ways.values())

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

    def _possible_ways(self, combination: Combination, stages: int) -> int:
        """How many networks of one combination have so many stages, where not every width is possible."""
        import numpy as np  # only where a space is asked about all of its widths

        possible, by_stage = self.possible(combination, stages), self.by_stage(stages)
        most = prod(len(blocks.values) * len(channels.values) for blocks, channels in by_stage)
        ways = np.ones(1, dtype=np.int64 if most < 2**63 else object)
        for i, (blocks, channels) in enumerate(by_stage):
            # A stage of one block is possible wherever its first block is.
            alone = sum(n == 1 for n in blocks.values)
            depths = np.where(possible.further[i], len(blocks.values), alone).astype(ways.dtype)
            follows = possible.first[i]
            if i:
                follows = follows & self.rises(by_stage[i - 1][1].values, channels.values)
            ways = ways @ follows.astype(ways.dtype) * depths
        return int(ways.sum())

    def any_possible(self, combination: Combination, *, in_order: bool = False) -> bool:
        """Whether the language allows any network of one combination, in whatever order its widths stand.

        With `in_order`, in the order that the space asks for.
        """
        import numpy as np  # only where a space is asked about all of its widths

        for stages in range(self.stages[0], self.stages[1] + 1):
            first, further = self.possible(combination, stages, once=False)
            by_stage = self.by_stage(stages)
            reached = np.ones(1, dtype=bool)
            for i, (follows, deeper, (blocks, channels)) in enumerate(
                zip(first, further, by_stage, strict=True)
            ):
                if i and in_order:
                    follows = follows & self.rises(by_stage[i - 1][1].values, channels.values)
                shallow = (blocks.values or (blocks.open_from,))[0] == 1
                reached = (reached[:, None] & follows).any(axis=0) & (deeper | shallow)
            if reached.any():
                return True
        return False

    def is_empty(self) -> bool:
        """Whether it holds no network at all, since no widths stand in the order that it asks for."""
        return not any(self.any_possible(one, in_order=True) for one in self.combinations)

    def rises(self, before: Sequence[int], here: Sequence[int]) -> NDArray[np.bool_]:
        """Whether the order of widths lets each of `here` follow each of `before`, P x C."""
        import numpy as np  # only where a space is asked about all of its widths

        a, b = np.asarray(before)[:, None], np.asarray(here)[None, :]
        if self.order == "any":
            return np.ones((len(before), len(here)), dtype=bool)
        found: NDArray[np.bool_] = b > a if self.order == "increasing" else b >= a
        return found

    def possible(self, combination: Combination, stages: int, *, once: bool = True) -> Possible:
        """Which widths the language allows to follow one another in networks of one combination.

        With `stem={conv3,16}` two combinations say the same network where the first stage is 16 wide. Then it
        is the first one's, unless `once` is False.
        """
        import numpy as np  # only where a space is asked about all of its widths

        from archkit.spec.possible import possible_widths

        like = self.frame(combination, stages)
        widths = [np.array(channels.values, dtype=np.int64) for _, channels in self.by_stage(stages)]
        stem = widths[0] if combination.stem_follows else like.stem.width
        found = possible_widths(like.parts, widths, stem, like.input, like.classes)
        if once and self._said_by_another(combination, like):
            first = (found.first[0] & (widths[0] != like.stem.width), *found.first[1:])
            return found._replace(first=first)
        return found

    def _said_by_another(self, combination: Combination, like: ArchSpec) -> bool:
        """Whether another combination has the same stem where the first stage is as wide."""
        if combination.stem_follows or like.stem.kind != "conv3":
            return False
        others = [row for row in combination.options if row[0] != "stem"]
        return any(
            one.stem_follows and [row for row in one.options if row[0] != "stem"] == others
            for one in self.combinations
        )

    def frame(self, combination: Combination, stages: int) -> ArchSpec:
        """The widest and deepest network of one combination; whether its widths are possible is not asked.

        A stage without an upper end has the fewest blocks.

        Raises:
            SpecError: no network has this combination.
        """
        by_stage = self.by_stage(stages)
        deepest = tuple(one.values[-1] if one.finite else 1 for one, _ in by_stage)
        widest = tuple(one.values[-1] for _, one in by_stage)
        return ArchSpec.frame(deepest, widest, **dict(combination.options))

    def spec(self, combination: Combination, blocks: tuple[int, ...], channels: tuple[int, ...]) -> ArchSpec:
        """The network of one combination with these blocks and channels.

        Raises:
            SpecError: no network has this combination.
        """
        return ArchSpec.make(blocks, channels, **dict(combination.options))

    def __str__(self) -> str:
        """The text it was read from."""
        return self.text
