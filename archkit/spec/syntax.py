"""Text -> syntax tree: the grammar that specs and search spaces share.

    text    := base option*
    base    := NAME | list "x" list
    list    := "[" item ("," item)* "]" ["*" range]
    item    := atom | range | set
    range   := NUMBER [".." [NUMBER] [":" NUMBER]]
    set     := "{" item ("," item)* "}"
    option  := KEY "=" (list | item)
    atom    := NUMBER | DECIMAL | DIMS | WORD [":" NUMBER]          DIMS is 3x32x32, DECIMAL 2.5

Nothing here knows what a key or a word means.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from archkit.blocks.values import MAX_DIGITS
from archkit.errors import SpecError
from archkit.spec.syntax_tree import Assignment, Atom, Items, Many, Node, Text, Through

__all__ = ["read"]

MAX_TEXT = 4096  # characters
MAX_NUMBER = MAX_DIGITS
MAX_DEPTH = 4  # brackets inside brackets; the language itself needs two


class _Token(NamedTuple):
    kind: str  # "number", "decimal", "sizes", "word", "end", or the punctuation itself
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<sizes>[0-9][0-9_]*(?:[xX×][0-9][0-9_]*)+)"
    r"|(?P<decimal>[0-9][0-9_]*\.[0-9]+)"
    r"|(?P<number>[0-9][0-9_]*)"
    r"|(?P<word>[A-Za-z](?:[A-Za-z0-9_]|[-.](?=[A-Za-z0-9_]))*)"
    r"|(?P<mark>\.\.|[][{}=,:*×])"
)


def read(text: str) -> Text:
    """Reads `text` into its syntax tree.

    Raises:
        SpecError: the text does not follow the grammar; the error points at the first token
            that does not.
    """
    return _Reader(text).text()


class _Reader:
    """A recursive-descent parser, one token ahead."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise SpecError(f"the spec has {len(text):,} characters; at most {MAX_TEXT:,} are read")
        self._text = text
        self._tokens = self._scan(text)
        self._at = 0

    def _scan(self, text: str) -> list[_Token]:
        tokens = []
        at, end = 0, len(text)
        for found in _TOKEN.finditer(text):
            start, stop = found.span()
            if start != at:
                break
            at = stop
            kind = found.lastgroup
            if kind != "blank":
                token = found.group()
                tokens.append(_Token(token if kind == "mark" or kind is None else kind, token, start, stop))
        if at != end:
            raise SpecError(
                f"{text[at]!r} is not part of the language",
                text=text,
                span=(at, at + 1),
                hint=_range_hint(text, at) or _hint(text[at]),
            )
        tokens.append(_Token("end", "", end, end))
        return tokens

    def _fail(self, expected: str, token: _Token | None = None, hint: str | None = None) -> SpecError:
        token = token or self._tokens[self._at]
        came = "the text ends" if token.kind == "end" else f"{_clip(token.text)} came"
        return SpecError(
            f"expected {expected}, but {came}", text=self._text, span=(token.start, token.end), hint=hint
        )

    def _take(self, kind: str, expected: str) -> _Token:
        token = self._tokens[self._at]
        if token.kind != kind:
            raise self._fail(expected)
        self._at += 1
        return token

    def _next_is(self, kind: str) -> bool:
        return self._tokens[self._at].kind == kind

    def _skip(self, kind: str) -> bool:
        if self._tokens[self._at].kind == kind:
            self._at += 1
            return True
        return False

    def text(self) -> Text:
        name = blocks = channels = None
        if self._next_is("["):
            blocks = self._items(0)
            self._times()
            channels = self._items(0)
        elif self._next_is("word"):
            token = self._take("word", "a name")
            if self._next_is("="):
                raise self._fail(
                    "a name or [blocks]x[channels] before the options",
                    token,
                    'in a shell, quotes keep both in one text: "resnet50 classes=10"',
                )
            name = Atom((token.start, token.end), word=token.text)
        else:
            raise self._fail("a name or [blocks]x[channels]", hint="as in [2,1,1,1]x[64,128,256,512]")
        options: dict[str, Assignment] = {}
        while not self._next_is("end"):
            option = self._option()
            if option.key in options:
                raise SpecError(f"{option.key} is given twice", text=self._text, span=option.key_span)
            options[option.key] = option
        return Text(
            text=self._text, name=name, blocks=blocks, channels=channels, options=tuple(options.values())
        )

    def _times(self) -> None:
        token = self._tokens[self._at]
        if token.text not in ("x", "X", "×"):
            hint = "as in [2,1,1,1]x[64,128,256,512]"
            raise self._fail('"x" between the blocks and the channels', hint=hint)
        self._at += 1
        if not self._next_is("["):
            raise self._fail('"[" and the channels of each stage')

    def _option(self) -> Assignment:
        token = self._tokens[self._at]
        if token.kind != "word":
            hint = "options are separated by blanks"
            if token.text == "," and self._tokens[self._at - 3].text == "input":
                hint = "sizes are joined by x, as in input=3x224x224"
            raise self._fail("an option key=value", hint=hint)
        if token.start == self._tokens[self._at - 1].end:
            raise self._fail(f"a blank before {_clip(token.text)}")
        self._at += 1
        if not self._next_is("="):
            hint = "an option is key=value; several networks are several texts, each in its own quotes"
            raise self._fail(f'"=" after {_clip(token.text)}', hint=hint)
        self._at += 1
        value = self._items(0) if self._next_is("[") else self._item(0)
        return Assignment(token.text, (token.start, token.end), value)

    def _items(self, depth: int) -> Items:
        start = self._take("[", '"["').start
        items = self._sequence("]", depth)
        end = self._tokens[self._at - 1].end
        repeat: Atom | Through | None = None
        if self._skip("*"):
            # A lone number: `[1..4]*3x[...]` must not read 3x as sizes, and it does not,
            # since sizes need a digit after the x.
            if self._next_is("["):
                star = self._tokens[self._at - 1]
                hint = "as in [2,1,1,1]x[64,128,256,512]; * repeats a list of one entry, [1..4]*3"
                raise self._fail('"x" between the blocks and the channels', star, hint)
            repeat = self._range()
            end = repeat.span[1]
        return Items((start, end), items, repeat)

    def _sequence(self, close: str, depth: int) -> tuple[Node, ...]:
        if depth >= MAX_DEPTH:
            raise self._fail("fewer brackets inside brackets")
        if self._next_is(close):
            raise self._fail(f"at least one number before {close!r}", hint="the list is empty")
        items = [self._item(depth + 1)]
        while self._skip(","):
            items.append(self._item(depth + 1))
        self._take(close, f'"," or "{close}"')
        return tuple(items)

    def _item(self, depth: int) -> Node:
        token = self._tokens[self._at]
        if token.kind == "number":
            return self._range()
        if token.kind == "word":
            self._at += 1
            end, argument = token.end, None
            if self._skip(":"):
                number = self._take("number", f"a number after {_clip(token.text)}:")
                argument, end = self._number(number), number.end
            return Atom((token.start, end), word=token.text, argument=argument)
        if token.kind == "decimal":
            self._at += 1
            whole, _, part = token.text.partition(".")
            self._number(token._replace(text=whole + part))  # as many digits as a number may have
            decimal = Decimal(token.text.replace("_", ""))
            return Atom((token.start, token.end), decimal=decimal)
        if token.kind == "sizes":
            self._at += 1
            sizes, at = [], token.start
            for part in re.split("[xX×]", token.text):
                sizes.append(self._number(_Token("number", part, at, at + len(part))))
                at += len(part) + 1
            return Atom((token.start, token.end), sizes=tuple(sizes))
        if token.kind == "{":
            self._at += 1
            items = self._sequence("}", depth)
            return Many((token.start, self._tokens[self._at - 1].end), items)
        raise self._fail("a number" if depth else "a value", hint=_hint(token.text))

    def _range(self) -> Atom | Through:
        first = self._take("number", "a number")
        low = self._number(first)
        if not self._skip(".."):
            return Atom((first.start, first.end), number=low)
        high, step, end = None, 1, self._tokens[self._at - 1].end
        if self._next_is("number"):
            token = self._take("number", "a number")
            high, end = self._number(token), token.end
        if self._skip(":"):
            token = self._take("number", "the step of the range")
            step, end = self._number(token), token.end
        span = (first.start, end)
        if step < 1:
            raise SpecError("the step of a range must be 1 or more", text=self._text, span=span)
        if high is not None and high < low:
            raise SpecError(
                f"the range falls from {low} to {high}", text=self._text, span=span, hint="low..high"
            )
        return Through(span, low, high, step)

    def _number(self, token: _Token) -> int:
        digits = token.text.replace("_", "")
        if len(digits) > MAX_NUMBER:
            raise SpecError(
                f"a number of {len(digits)} digits is out of range",
                text=self._text,
                span=(token.start, token.end),
            )
        return int(digits)


def _clip(text: str) -> str:
    """A token for a message: quoted, and cut where it is long."""
    return repr(text if len(text) <= 24 else text[:21] + "...")


def _range_hint(text: str, at: int) -> str | None:
    """A hint for `64-128`."""
    found = re.compile(r"([0-9]+)\s*-\s*([0-9]+)").search(text, max(0, at - MAX_NUMBER))
    if found is None or not found.start() < at < found.end():
        return None
    return f"a range is written {found[1]}..{found[2]}"


def _hint(char: str) -> str | None:
    if char in "(),;" and char:
        return "lists are written [1,2,3]"
    if char == "-":
        return "numbers are 0 or more"
    return None
