"""Examples in docstrings as blocks of code: a doctest stands in the text here, without a heading."""

from __future__ import annotations

import re
from typing import Any, Final

import griffe

_EXAMPLE: Final = re.compile(
    r"^(?P<indent> *)>>> (?:.*\n?)(?:(?P=indent)\S.*\n?|(?P=indent) +\S.*\n?)*", re.MULTILINE
)


def fenced(docstring: str) -> str:
    """The docstring with its doctests fenced."""

    def fence(found: re.Match[str]) -> str:
        indent = found["indent"]
        return f"{indent}```pycon\n{found[0].rstrip()}\n{indent}```\n"

    return _EXAMPLE.sub(fence, docstring)


class Doctests(griffe.Extension):
    """Fences the doctests of every docstring that is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called once for every object, when its docstring is known."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
