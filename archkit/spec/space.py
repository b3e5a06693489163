"""`SearchSpace`: many networks at once, the same language with sets in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from archkit.errors import SpecError
from archkit.spec import zoo
from archkit.spec.arch import ArchSpec
from archkit.spec.syntax import Atom, Items, Many, Node, Option, Text, Through, read
from archkit.spec.text import nearest, option_value
from archkit.spec.vocabulary import LIMITS

__all__ = ["DEFAULT_SPACE", "IntSet", "Order", "SearchSpace", "Setting", "parse_space"]

Order: TypeAlias = Literal["any", "nondecreasing", "increasing"]
ORDERS: Final[tuple[Order, ...]] = ("any", "nondecreasing", "increasing")

DEFAULT_SPACE: Final = "[1..4]*3..5x[{16,32,64,128,256,512}] order=nondecreasing"
"""3 to 5 stages of 1 to 4 basic blocks, channels 16..512 doubling and never falling: every stage plan
of the paper is in it."""

MAX_SETTINGS: Final = 10_000  # combinations of options that a space may hold


class IntSet(NamedTuple):
    """A set of positive integers: the union of `range(low, high + 1, step)`, in no overlap.

    values: the finite part, in ascending order.
    open_from, open_step: `open_from, open_from + open_step, ...` without end; 0, 0 where there is
        an upper end.
    """

    values: tuple[int, ...]
    open_from: int = 0
    open_step: int = 0

    @property
    def finite(self) -> bool:
        """Whether there is an upper end."""
        return self.open_step == 0

    def upto(self, high: int) -> tuple[int, ...]:
        """The members that are not above `high`, in ascending order."""
        closed = [value for value in self.values if value <= high]
        if not self.finite:
            closed = sorted({*closed, *range(self.open_from, high + 1, self.open_step)})
        return tuple(closed)

    def __str__(self) -> str:
        """The shortest text of the language: a number, a range, or a set."""
        parts = _runs(self.values)
        if not self.finite:
            step = "" if self.open_step == 1 else f":{self.open_step}"
            parts.append(f"{self.open_from}..{step}")
        return parts[0] if len(parts) == 1 else "{" + ",".join(parts) + "}"


def _runs(values: tuple[int, ...]) -> list[str]:
    """Ascending numbers as ranges where three or more follow at one distance."""
    parts: list[str] = []
    i = 0
    while i < len(values):
        j = i + 1
        while j + 1 < len(values) and values[j + 1] - values[j] == values[i + 1] - values[i]:
            j += 1
        if j - i >= 2 and j < len(values):
            step = values[i + 1] - values[i]
            parts.append(f"{values[i]}..{values[j]}" + ("" if step == 1 else f":{step}"))
            i = j + 1
        else:
            parts.append(str(values[i]))
            i += 1
    return parts


class Setting(NamedTuple):
    """One combination of options: the fields of ArchSpec besides blocks and channels, and their text."""

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
        settings: the combinations of options.
    """

    blocks: tuple[IntSet, ...]
    channels: tuple[IntSet, ...]
    stages: tuple[int, int]
    order: Order
    settings: tuple[Setting, ...]
    text: str

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
        return total * len(self.settings)

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

    def spec(self, setting: Setting, blocks: tuple[int, ...], channels: tuple[int, ...]) -> ArchSpec:
        """The network of one setting with these blocks and channels.

        Raises:
            SpecError: no network has this combination.
        """
        return ArchSpec.make(blocks, channels, **dict(setting.options))

    def __str__(self) -> str:
        """The text it was read from."""
        return self.text


def parse_space(text: str) -> SearchSpace:
    """Reads a space; a single network, or a name with options, is a space too.

    >>> parse_space("[1..4,1..4,1..4]x[{32,64},64..256:32,64..512:64]").size()
    7168
    >>> parse_space(DEFAULT_SPACE).size()
    293888

    Raises:
        SpecError: the text is no space; the message points at the offending token.
    """
    tree = read(text)
    if tree.name is not None:
        tree = _named(tree)
    options = {option.key: option for option in tree.options}
    order = _order(tree, options.pop("order", None))
    assert tree.blocks is not None  # noqa: S101 - the grammar: no name, so lists
    assert tree.channels is not None  # noqa: S101 - the same
    blocks = tuple(_int_set(tree.text, "blocks", item) for item in tree.blocks.items)
    channels = tuple(_int_set(tree.text, "channels", item) for item in tree.channels.items)
    stages = _stages(tree, tree.blocks, tree.channels)
    settings = _settings(tree, list(options.values()))
    space = SearchSpace(
        blocks=blocks,
        channels=channels,
        stages=stages,
        order=order,
        settings=settings,
        text=" ".join(text.split()),
    )
    _check_settings(space, tree)
    return space


def _named(tree: Text) -> Text:
    """The tree of a named architecture, with the options that stand behind the name."""
    name = tree.name
    known = zoo.find(name.word or "") if name is not None else None
    if name is None or known is None:
        raise SpecError(
            f"no architecture is called {name.word if name else ''!r}",
            text=tree.text,
            span=name.span if name else (0, 0),
            hint=nearest(name.word or "" if name else "", zoo.names(), "`archkit zoo` lists them"),
        )
    named = read(known.spec)
    if not tree.options:
        return named
    given = tree.text[tree.options[0].key_span[0] :]
    kept = [
        named.text[option.key_span[0] : option.value.span[1]]
        for option in named.options
        if option.key not in {other.key for other in tree.options}
    ]
    base = named.text.partition(" ")[0]
    return read(" ".join([base, *kept, given]))


def _order(tree: Text, option: Option | None) -> Order:
    if option is None:
        return "any"
    word = option.value.word if isinstance(option.value, Atom) else None
    for order in ORDERS:
        if order == word:
            return order
    start, end = option.value.span
    raise SpecError(
        f"order is {' | '.join(ORDERS)}, not {tree.text[start:end]}",
        text=tree.text,
        span=option.value.span,
        hint=nearest(word or "", ORDERS, None),
    )


def _int_set(text: str, field: str, node: Node) -> IntSet:
    """The integers that one entry of a list stands for, each held to the limits of its field."""
    values: set[int] = set()
    open_ends: list[Through] = []
    limit = LIMITS[field]

    def within(value: int, span: tuple[int, int]) -> int:
        if not limit.low <= value <= limit.high:
            raise SpecError(
                f"{field} must be {limit.low:,} to {limit.high:,}, not {value:,}", text=text, span=span
            )
        return value

    def collect(item: Node) -> None:
        if isinstance(item, Many):
            for one in item.items:
                collect(one)
        elif isinstance(item, Through):
            within(item.low, item.span)
            if item.high is None:
                if field == "channels":
                    raise SpecError(
                        "channels need an upper end", text=text, span=item.span, hint="low..high:step"
                    )
                open_ends.append(item)
            else:
                within(item.high, item.span)
                values.update(range(item.low, item.high + 1, item.step))
        elif isinstance(item, Atom) and item.number is not None:
            values.add(within(item.number, item.span))
        else:
            start, end = item.span
            raise SpecError(f"{field} are numbers, not {text[start:end]}", text=text, span=item.span)

    collect(node)
    if len(open_ends) > 1:
        raise SpecError("one range without an upper end is enough", text=text, span=node.span)
    if open_ends:
        low, step = open_ends[0].low, open_ends[0].step
        values = {v for v in values if v < low or (v - low) % step}
        return IntSet(tuple(sorted(values)), low, step)
    return IntSet(tuple(sorted(values)))


def _stages(tree: Text, blocks: Items, channels: Items) -> tuple[int, int]:
    """The fewest and the most stages that both lists stand for."""
    spans: list[tuple[int, int]] = []
    for node in (blocks, channels):
        n = len(node.items)
        if node.repeat is not None:
            if n != 1:
                raise SpecError(
                    "only a list of one entry can stand for several stages", text=tree.text, span=node.span
                )
            spans.append(_repeat(tree.text, node.repeat))
        elif n > 1:
            spans.append((n, n))
    if not spans:
        return (1, 1)
    if len(set(spans)) > 1:
        one, other = (f"{low}" if low == high else f"{low} to {high}" for low, high in spans)
        raise SpecError(
            f"the blocks are of {one} stages and the channels of {other}", text=tree.text, span=channels.span
        )
    return spans[0]


def _repeat(text: str, node: Atom | Through) -> tuple[int, int]:
    low, high = (node.low, node.high) if isinstance(node, Through) else (node.number, node.number)
    limit = LIMITS["stages"]
    if low is None or high is None or not limit.low <= low <= high <= limit.high:
        raise SpecError(f"stages are {limit.low} to {limit.high}", text=text, span=node.span)
    return low, high


def _settings(tree: Text, options: list[Option]) -> tuple[Setting, ...]:
    """Every combination of the options' alternatives, in the order in which they are written."""
    alternatives = [[(one, option_value(tree.text, one)) for one in _singles(option)] for option in options]
    count = 1
    for some in alternatives:
        count *= len(some)
    if count > MAX_SETTINGS:
        span = (options[0].key_span[0], options[-1].value.span[1])
        raise SpecError(
            f"the options combine in {count:,} ways; at most {MAX_SETTINGS:,} are taken",
            text=tree.text,
            span=span,
        )
    return tuple(
        Setting(
            text=" ".join(f"{option.key}={_node_text(tree.text, option.value)}" for option, _ in combination),
            options=tuple((option.key, value) for option, value in combination),
        )
        for combination in product(*alternatives)
    )


def _singles(option: Option) -> Iterator[Option]:
    """The option once for each choice that the sets in its value leave open."""
    value = option.value
    if isinstance(value, Items) and value.repeat is None:
        for items in product(*(tuple(_choices(item)) for item in value.items)):
            yield option._replace(value=value._replace(items=items))
    else:
        for choice in _choices(value):
            yield option._replace(value=choice)


def _choices(node: Node) -> Iterator[Node]:
    if isinstance(node, Many):
        for item in node.items:
            yield from _choices(item)
    elif isinstance(node, Through) and node.high is not None:
        for value in range(node.low, node.high + 1, node.step):
            yield Atom(node.span, number=value)
    else:
        yield node


def _node_text(text: str, node: Node) -> str:
    if isinstance(node, Items):
        return "[" + ",".join(_node_text(text, item) for item in node.items) + "]"
    if isinstance(node, Atom) and node.number is not None:
        return str(node.number)
    return text[node.span[0] : node.span[1]]


def _check_settings(space: SearchSpace, tree: Text) -> None:
    """Every setting must be possible for some number of stages of the space, at its smallest and largest.

    Raises:
        SpecError: a combination of options that no network has, such as groups without bottlenecks.
    """
    for setting in space.settings:
        for stages in range(space.stages[0], space.stages[1] + 1):
            by_stage = space.by_stage(stages)
            for pick in (0, -1):
                try:
                    space.spec(
                        setting,
                        tuple((b.values or (b.open_from,))[pick] for b, _ in by_stage),
                        tuple((c.values or (c.open_from,))[pick] for _, c in by_stage),
                    )
                except SpecError as error:
                    where = f" with {setting.text}" if len(space.settings) > 1 else ""
                    raise SpecError(
                        f"{error.reason}{where}", text=tree.text, span=(0, len(tree.text)), hint=error.hint
                    ) from None
