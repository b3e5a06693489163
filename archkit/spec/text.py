"""Text -> `ArchSpec`: `parse`; `str(spec)` is its inverse."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from archkit.blocks import FAMILIES, Family, Option
from archkit.errors import SpecError, likely, nearest
from archkit.spec import zoo
from archkit.spec.arch import ArchSpec
from archkit.spec.options import options
from archkit.spec.syntax import read
from archkit.spec.syntax_tree import Assignment, Atom, Items, Node, Span, Text

__all__ = ["as_spec", "near_name", "option_value", "parse", "to_arch"]

# Blocks and channels alone, by far the commonest text and the one that is read by the million: what
# this takes, the grammar takes too, and everything that is wrong is left to it.
_PLAIN: Final = re.compile(r"\[([0-9]{1,6}(?:,[0-9]{1,6})*)\]x\[([0-9]{1,6}(?:,[0-9]{1,6})*)\]").fullmatch


def parse(text: str) -> ArchSpec:
    """Reads one network.

    >>> parse("[2,1,1,1]x[64,128,256,512]").channels
    (64, 128, 256, 512)
    >>> str(parse("resnet10"))
    '[2,1,1,1]x[64,128,256,512] bias=yes'
    >>> parse("resnet10 classes=100").classes
    100

    Raises:
        SpecError: the text is no spec. Its message shows the text with a caret under the
            offending token, what was expected, and the likely mistake.
    """
    if not isinstance(text, str):
        raise _neither(text)
    plain = _PLAIN(text)
    if plain is not None:
        found = ArchSpec.plain(tuple(map(int, plain[1].split(","))), tuple(map(int, plain[2].split(","))))
        if found is not None:
            return found
    return to_arch(read(text))


def as_spec(spec: ArchSpec | str) -> ArchSpec:
    """A spec, or the one that a text says: what every function that takes a spec does first.

    Raises:
        SpecError: it is neither, or the text is no spec.
    """
    if isinstance(spec, ArchSpec):
        return spec
    if isinstance(spec, str):
        return parse(spec)
    raise _neither(spec)


def _neither(spec: object) -> SpecError:
    return SpecError(f"a network is an ArchSpec or a text such as 'resnet18', not {type(spec).__name__}")


@lru_cache(maxsize=256)
def _parsed(text: str, _families: tuple[Family, ...]) -> ArchSpec:
    """`parse`, remembered: the zoo's texts are few, and its names are mostly given with an option."""
    return parse(text)


def to_arch(tree: Text) -> ArchSpec:
    """The network that a syntax tree names; see `parse`."""
    values: dict[str, Any] = {}
    spans: dict[str, Node] = {}
    for option in tree.options:
        spans[option.key] = option.value
        values[option.key] = option_value(tree.text, option)
    try:
        if tree.name is not None:
            known = zoo.find(tree.name.word or "")
            if known is None:
                raise SpecError(
                    f"no architecture is called {tree.name.word!r}",
                    text=tree.text,
                    span=tree.name.span,
                    hint=near_name(tree.name.word or ""),
                )
            named = _parsed(known.spec, tuple(FAMILIES.values()))
            return named.replace(**values) if values else named
        blocks, channels = _stages(tree, "blocks"), _stages(tree, "channels")
        return ArchSpec.make(blocks, channels, **values)
    except SpecError as error:
        if error.text is None:
            error.text, error.span = tree.text, _span(tree, spans, error.field)
        raise


def near_name(word: str) -> str | None:
    """A hint at the architecture that a name means; `torchvision.models.resnet50` ends in it."""
    ends = [word[mark.end() :] for mark in re.finditer(r"[./_-]", word)]
    for part in (*reversed(word.split(".")), *ends):
        if zoo.find(part) is not None:
            return f"did you mean {part}?"
    return nearest(word, zoo.names(), "`archkit zoo` lists them")


def option_value(text: str, option: Assignment) -> Any:
    """The value of `key=value` as `ArchSpec.make` takes it.

    Raises:
        SpecError: the key is unknown, or the value is not of its kind.
    """
    row = options().get(option.key)
    if row is None:
        raise SpecError(
            f"unknown option {option.key!r}",
            text=text,
            span=option.key_span,
            hint=likely(option.key, options()),
        )
    node = option.value
    if isinstance(node, Items):
        if not row.by_stage:
            raise SpecError(f"{option.key} takes one value, not a list", text=text, span=node.span)
        if node.repeat is not None:
            raise _only_in_spaces(text, node)
        return tuple(_value(text, row, item) for item in node.items)
    value = _value(text, row, node)
    if row.list_only:
        raise SpecError(f"{row.key} is a list, one number for each stage", text=text, span=node.span)
    return value


def _value(text: str, row: Option, node: Node) -> Any:
    """One value of an option."""
    if isinstance(node, Items):
        raise SpecError(f"{row.key} takes {row.values.noun}, not a list", text=text, span=node.span)
    if not isinstance(node, Atom):
        raise _only_in_spaces(text, node)
    start, end = node.span
    try:
        return row.values.read(row.key, node, text[start:end])
    except SpecError as error:
        error.text, error.span = text, node.span
        raise


def _stages(tree: Text, field: str) -> tuple[int, ...]:
    node = getattr(tree, field)
    if node.repeat is not None:
        raise _only_in_spaces(tree.text, node)
    return tuple(_number(tree.text, field, item) for item in node.items)


def _number(text: str, field: str, node: Node) -> int:
    if isinstance(node, Atom) and node.number is not None:
        return node.number
    if isinstance(node, Atom):
        start, end = node.span
        raise SpecError(f"{field} is a whole number, not {text[start:end]}", text=text, span=node.span)
    if isinstance(node, Items):
        raise SpecError(f"{field} takes a whole number, not a list", text=text, span=node.span)
    raise _only_in_spaces(text, node)


def _only_in_spaces(text: str, node: Node) -> SpecError:
    return SpecError(
        "this names several networks; one is expected here",
        text=text,
        span=node.span,
        hint="sets, ranges and repeats belong to `archkit enumerate`",
    )


def _span(tree: Text, spans: dict[str, Node], field: tuple[str, int | None] | None) -> Span:
    """Where in the text a field of the value was given; the base, where it was not given."""
    name, index = field or ("", None)
    node = spans.get(name)
    if node is None and name in ("blocks", "channels"):
        node = getattr(tree, name)
    if node is None:
        if tree.name is not None:
            return tree.name.span
        ends = [n.span for n in (tree.blocks, tree.channels) if n is not None]
        return (ends[0][0], ends[-1][1])
    if isinstance(node, Items) and index is not None and index < len(node.items):
        return node.items[index].span
    return node.span
