"""Text -> `SearchSpace`: `parse_space`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from archkit.errors import SpecError, nearest
from archkit.spec import zoo
from archkit.spec.options import BLOCKS, CHANNELS, STAGES, options
from archkit.spec.sets import IntSet
from archkit.spec.space import ORDERS, Combination, Order, SearchSpace
from archkit.spec.syntax import read
from archkit.spec.syntax_tree import Assignment, Atom, Items, Many, Node, Text, Through
from archkit.spec.text import near_name, option_value

__all__ = ["parse_space"]

# Bounds that keep reading a space quick, whatever the text.
MAX_COMBINATIONS: Final = 500  # combinations of options
MAX_SET: Final = 10_000  # numbers of one set


def parse_space(text: str) -> SearchSpace:
    """Reads a space; a single network, or a name with options, is a space too.

    >>> parse_space("[1..4,1..4,1..4]x[{32,64},64..256:32,64..512:64]").size()
    7168
    >>> from archkit.spec.space import SPACES
    >>> parse_space(SPACES["paper"]).size()
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
    stages = _stages(tree, tree.blocks, tree.channels)
    blocks = tuple(_int_set(tree.text, "blocks", item) for item in tree.blocks.items)
    channels = tuple(_int_set(tree.text, "channels", item) for item in tree.channels.items)
    combinations = _combinations(tree, list(options.values()))
    space = SearchSpace(
        blocks=blocks,
        channels=channels,
        stages=stages,
        order=order,
        combinations=combinations,
        text=" ".join(text.split()),
    )
    _check_combinations(space, tree)
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
            hint=near_name(name.word or "" if name else ""),
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


def _order(tree: Text, option: Assignment | None) -> Order:
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
        hint=nearest(word or "", ORDERS),
    )


def _int_set(text: str, field: str, node: Node) -> IntSet:
    """The integers that one entry of a list stands for, each held to the limits of its field."""
    values: set[int] = set()
    open_ends: list[Through] = []
    limit = {"blocks": BLOCKS, "channels": CHANNELS}[field]

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
                values.update(_numbers(text, item, item.high))
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
            if n > STAGES.high:
                raise SpecError(
                    f"stages are {STAGES.low} to {STAGES.high}, not {n}",
                    text=tree.text,
                    span=node.span,
                )
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
    limit = STAGES
    if low is None or high is None or not limit.low <= low <= high <= limit.high:
        raise SpecError(f"stages are {limit.low} to {limit.high}", text=text, span=node.span)
    return low, high


def _combinations(tree: Text, options: list[Assignment]) -> tuple[Combination, ...]:
    """Every combination of the options' alternatives, in the order in which they are written.

    What is written twice, as in `{3,3}` or `{se,se:16}`, is one alternative.
    """
    alternatives = [_distinct(tree.text, option) for option in options]
    count = 1
    for some in alternatives:
        count *= len(some)
    if count > MAX_COMBINATIONS:
        span = (options[0].key_span[0], options[-1].value.span[1])
        raise SpecError(
            f"the options combine in {count:,} ways; at most {MAX_COMBINATIONS:,} are taken",
            text=tree.text,
            span=span,
        )
    return tuple(
        Combination(
            text=" ".join(f"{option.key}={_node_text(tree.text, option.value)}" for option, _ in combination),
            options=tuple((option.key, value) for option, value in combination),
        )
        for combination in product(*alternatives)
    )


def _distinct(text: str, option: Assignment) -> list[tuple[Assignment, Any]]:
    """The option with each of its values, once."""
    found: dict[Any, tuple[Assignment, Any]] = {}
    for one in _singles(text, option):
        value = option_value(text, one)
        row = options()[option.key]
        try:  # in the one form that it may have been written in
            settled = value if row.by_stage else row.values.accept(value, (option.key, None))
        except SpecError:  # said where the combinations are checked
            settled = value
        found.setdefault(settled, (one, value))
    return list(found.values())


def _singles(text: str, option: Assignment) -> Iterator[Assignment]:
    """The option once for each choice that the sets in its value leave open."""
    value = option.value
    if isinstance(value, Items) and value.repeat is None:
        for items in product(*(tuple(_choices(text, item)) for item in value.items)):
            yield option._replace(value=value._replace(items=items))
    else:
        for choice in _choices(text, value):
            yield option._replace(value=choice)


def _numbers(text: str, node: Through, high: int) -> range:
    """The numbers of a range that has an upper end."""
    numbers = range(node.low, high + 1, node.step)
    if len(numbers) > MAX_SET:
        raise SpecError(
            f"a range of {len(numbers):,} numbers; at most {MAX_SET:,} are taken", text=text, span=node.span
        )
    return numbers


def _choices(text: str, node: Node) -> Iterator[Node]:
    if isinstance(node, Many):
        for item in node.items:
            yield from _choices(text, item)
    elif isinstance(node, Through) and node.high is not None:
        for value in _numbers(text, node, node.high):
            yield Atom(node.span, number=value)
    else:
        yield node


def _node_text(text: str, node: Node) -> str:
    if isinstance(node, Items):
        return "[" + ",".join(_node_text(text, item) for item in node.items) + "]"
    if isinstance(node, Atom) and node.number is not None:
        return str(node.number)
    return text[node.span[0] : node.span[1]]


def _check_combinations(space: SearchSpace, tree: Text) -> None:
    """Every combination must go with every number of stages, and some network of the space must have it.

    Raises:
        SpecError: a list of another length than the stages; or a combination of options that no network has,
            such as groups without bottlenecks.
    """
    fewest, most = space.stages
    spans = {option.key: option.value.span for option in tree.options}
    for combination in space.combinations:
        by_stage = space.by_stage(fewest)
        blocks = tuple((b.values or (b.open_from,))[0] for b, _ in by_stage)
        channels = tuple(c.values[0] for _, c in by_stage)
        try:
            for stages in range(fewest, most + 1):
                space.frame(combination, stages)
            try:
                space.spec(combination, blocks, channels)
            except SpecError:
                # The smallest is impossible; another one need not be.
                if not space.any_possible(combination):
                    raise
        except SpecError as error:
            where = f", with {combination.text}" if len(space.combinations) > 1 else ""
            key = error.field[0] if error.field is not None else ""
            raise SpecError(
                f"{error.reason}{where}",
                text=tree.text,
                span=spans.get(key, (0, len(tree.text))),
                hint=error.hint,
            ) from None
