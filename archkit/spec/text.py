"""Text -> `ArchSpec`: `parse`; `archkit.spec.canonical` has its inverse."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from archkit.errors import SpecError
from archkit.spec import vocabulary, zoo
from archkit.spec.arch import ArchSpec
from archkit.spec.syntax import Atom, Items, Node, Option, Span, Text, read
from archkit.spec.vocabulary import Attention, Norm, Stem

__all__ = ["KEYS", "nearest", "option_value", "parse"]

KEYS: Final = (
    "block",
    "kernel",
    "stride",
    "shortcut",
    "project",
    "groups",
    "base_width",
    "reduce",
    "stem",
    "stem_pool",
    "stem_attn",
    "attn",
    "norm",
    "aa",
    "bias",
    "pool",
    "input",
    "classes",
)
"""The options of the language, in the order in which a canonical text has them."""

# Blocks and channels alone, by far the commonest text and the one that is read by the million: what
# this takes, the grammar takes too, and everything that is wrong is left to it.
_PLAIN: Final = re.compile(r"\[([0-9]{1,6}(?:,[0-9]{1,6})*)\]x\[([0-9]{1,6}(?:,[0-9]{1,6})*)\]").fullmatch

_BY_STAGE: Final = frozenset({"block", "kernel", "stride", "shortcut"})


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
    plain = _PLAIN(text)
    if plain is not None:
        found = ArchSpec.plain(tuple(map(int, plain[1].split(","))), tuple(map(int, plain[2].split(","))))
        if found is not None:
            return found
    return to_arch(read(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> ArchSpec:
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
                    hint=nearest(tree.name.word or "", zoo.names(), "`archkit zoo` lists them"),
                )
            named = _parsed(known.spec)
            return named.replace(**values) if values else named
        blocks, channels = _stages(tree, "blocks"), _stages(tree, "channels")
        return ArchSpec.make(blocks, channels, **values)
    except SpecError as error:
        if error.text is None:
            error.text, error.span = tree.text, _span(tree, spans, error.field)
        raise


def option_value(text: str, option: Option) -> Any:
    """The value of `key=value` as `ArchSpec.make` takes it.

    Raises:
        SpecError: the key is unknown, or the value is not of its kind.
    """
    reader = _READERS.get(option.key)
    if reader is None:
        raise SpecError(
            f"unknown option {option.key!r}",
            text=text,
            span=option.key_span,
            hint=nearest(option.key, KEYS, f"known: {', '.join(KEYS)}"),
        )
    node = option.value
    if isinstance(node, Items):
        if option.key not in _BY_STAGE:
            raise SpecError(f"{option.key} takes one value, not a list", text=text, span=node.span)
        if node.repeat is not None:
            raise _only_in_spaces(text, node)
        return tuple(reader(text, option.key, item) for item in node.items)
    value = reader(text, option.key, node)
    if option.key == "stride":
        raise SpecError("stride is a list, one number for each stage", text=text, span=node.span)
    return value


def _stages(tree: Text, field: str) -> tuple[int, ...]:
    node = getattr(tree, field)
    if node.repeat is not None:
        raise _only_in_spaces(tree.text, node)
    return tuple(_number(tree.text, field, item) for item in node.items)


def _only_in_spaces(text: str, node: Node) -> SpecError:
    return SpecError(
        "this names several networks; one is expected here",
        text=text,
        span=node.span,
        hint="sets, ranges and repeats belong to `archkit enumerate`",
    )


def _atom(text: str, key: str, node: Node, expected: str) -> Atom:
    if not isinstance(node, Atom):
        if isinstance(node, Items):
            raise SpecError(f"{key} takes {expected}, not a list", text=text, span=node.span)
        raise _only_in_spaces(text, node)
    return node


def _wrong(text: str, key: str, node: Node, expected: str, hint: str | None = None) -> SpecError:
    start, end = node.span
    return SpecError(f"{key} is {expected}, not {text[start:end]}", text=text, span=node.span, hint=hint)


def _number(text: str, key: str, node: Node) -> int:
    atom = _atom(text, key, node, "a number")
    if atom.number is None:
        raise _wrong(text, key, node, "a number")
    return atom.number


def _word(text: str, key: str, node: Node) -> str:
    known = vocabulary.choices(key)
    atom = _atom(text, key, node, "a word")
    if atom.word is None or atom.argument is not None:
        raise _wrong(text, key, node, " | ".join(known))
    if atom.word not in known:
        raise _wrong(text, key, node, " | ".join(known), nearest(atom.word, known, None))
    return atom.word


def _kind(table: dict[str, int], make: Callable[[str, int], Any]) -> Callable[[str, str, Node], Any]:
    """A reader of `WORD[:NUMBER]`, the number being the table's unless given."""

    def read_kind(text: str, key: str, node: Node) -> Any:
        atom = _atom(text, key, node, "a word")
        if atom.word is None or atom.word not in table:
            expected = " | ".join(f"{w}[:N]" if n else w for w, n in table.items())
            raise _wrong(text, key, node, expected, nearest(atom.word or "", tuple(table), None))
        if atom.argument is not None and not table[atom.word]:
            raise SpecError(f"{key}={atom.word} takes no number", text=text, span=node.span)
        return make(atom.word, table[atom.word] if atom.argument is None else atom.argument)

    return read_kind


def _stem(text: str, key: str, node: Node) -> Stem | str | int:
    atom = _atom(text, key, node, "a width or a kind")
    if atom.number is not None:
        return atom.number
    if atom.word in vocabulary.STEM_WIDTH:
        return atom.word if atom.argument is None else Stem(atom.word, atom.argument)
    expected = "a width, or " + " | ".join(f"{kind}[:N]" for kind in vocabulary.STEM_WIDTH)
    raise _wrong(text, key, node, expected, nearest(atom.word or "", tuple(vocabulary.STEM_WIDTH), None))


def _yes_no(text: str, key: str, node: Node) -> bool:
    atom = _atom(text, key, node, "yes or no")
    if atom.word not in ("yes", "no") or atom.argument is not None:
        raise _wrong(text, key, node, "yes or no")
    return atom.word == "yes"


def _pool(text: str, key: str, node: Node) -> int | None:
    atom = _atom(text, key, node, "a window")
    if atom.number is not None:
        return atom.number
    if atom.word == "global" and atom.argument is None:
        return None
    raise _wrong(text, key, node, "global or a window")


def _input(text: str, key: str, node: Node) -> tuple[int, ...]:
    atom = _atom(text, key, node, "sizes")
    if atom.sizes is None or len(atom.sizes) != 3:
        raise _wrong(text, key, node, "channels x height x width", "as in 3x32x32")
    return atom.sizes


_READERS: Final[dict[str, Callable[[str, str, Node], Any]]] = {
    "block": _word,
    "kernel": _number,
    "stride": _number,
    "shortcut": _word,
    "project": _word,
    "groups": _number,
    "base_width": _number,
    "reduce": _number,
    "stem": _stem,
    "stem_pool": _word,
    "stem_attn": _kind(vocabulary.ATTENTION, Attention),
    "attn": _kind(vocabulary.ATTENTION, Attention),
    "norm": _kind(vocabulary.NORM, Norm),
    "aa": _word,
    "bias": _yes_no,
    "pool": _pool,
    "input": _input,
    "classes": _number,
}


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


def nearest(word: str, known: Sequence[str], otherwise: str | None) -> str | None:
    """The likely meaning of a mistyped word."""
    import difflib  # only where something is wrong: it costs a start-up otherwise

    near = difflib.get_close_matches(word.lower(), known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else otherwise
