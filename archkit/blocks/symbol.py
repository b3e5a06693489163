"""Drawing with symbols: widths and sizes that have no value yet, and the code that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["DRAWN_FIRST", "Code", "Form", "Symbol", "written"]


DRAWN_FIRST: Final = 10
"""Calls of a `Form` until its code is written, which takes about as long as drawing it so often."""


class Symbol:
    """A width, a size, or an expression of them, as code. It takes `+ - * // %` and comparisons.

    Args:
        text: the expression, made of names and integers alone.
        code: what it is a part of.
        positive: whether it is known to be 1 or more, whatever the values: widths and sizes are, and so
            are their sums and products; a quotient or a difference may be less.
    """

    __slots__ = ("code", "positive", "text")

    def __init__(self, text: str, code: Code, *, positive: bool = False) -> None:
        self.text, self.code, self.positive = text, code, positive

    def _with(self, sign: str, left: Any, right: Any) -> Symbol:
        for side in (left, right):
            if not isinstance(side, Symbol | int):
                raise TypeError(f"a drawing works out widths with integers, not with {side!r}")
        a, b = (side.text if isinstance(side, Symbol) else repr(int(side)) for side in (left, right))
        positive = sign in ("+", "*") and _is_positive(left) and _is_positive(right)
        return Symbol(f"({a}{sign}{b})", self.code, positive=positive)

    def __add__(self, other: Any) -> Any:
        return self if _is(other, 0) else self._with("+", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self if _is(other, 0) else self._with("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with("-", other, self)

    def __neg__(self) -> Any:
        return self._with("-", 0, self)

    def __mul__(self, other: Any) -> Any:
        if _is(other, 0):
            return 0
        return self if _is(other, 1) else self._with("*", self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return self if _is(other, 1) else self._with("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._with("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return self._with("%", self, other)

    def __rmod__(self, other: Any) -> Any:
        return self._with("%", other, self)

    def __eq__(self, other: object) -> Any:
        return self._with("==", self, other)

    def __ne__(self, other: object) -> Any:
        return self._with("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return self._with("<", self, other)

    def __le__(self, other: Any) -> Any:
        return self._with("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return self._with(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return self._with(">=", self, other)

    def __or__(self, other: Any) -> Any:
        return self._with("|", self, other)

    __ror__ = __or__

    def __and__(self, other: Any) -> Any:
        return self._with("&", self, other)

    __rand__ = __and__

    __hash__ = None  # type: ignore[assignment]  # what it equals is not known before it has a value

    def __bool__(self) -> bool:
        raise TypeError("a drawing asked whether a width has some value; its code would differ by it")

    def apply(self, function: Callable[..., Any], *numbers: int, positive: bool = False) -> Symbol:
        """The call of a function of `archkit.blocks.lifted`."""
        name = self.code.function(function)
        text = f"{name}({', '.join([self.text, *(repr(int(n)) for n in numbers)])})"
        return Symbol(text, self.code, positive=positive)


class Code:
    """The body of a function, written line by line while something is drawn with symbols.

    Attributes:
        lines: in order.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: dict[str, Symbol] = {}
        self._functions: dict[str, Callable[..., Any]] = {}

    def symbol(self, name: str) -> Symbol:
        """An argument of the function: a width or a size."""
        return Symbol(name, self, positive=True)

    def named(self, value: Any) -> Any:
        """Gives a symbol a name of its own, so that no expression is worked out twice; integers stay."""
        if not isinstance(value, Symbol) or value.text.isidentifier():
            return value
        if value.text not in self._known:
            name = f"t{len(self._known)}"
            self.lines.append(f"{name} = {value.text}")
            self._known[value.text] = Symbol(name, self, positive=value.positive)
        return self._known[value.text]

    def function(self, function: Callable[..., Any]) -> str:
        """The name by which the code calls a function."""
        for name, known in self._functions.items():
            if known is function:
                return name
        name = f"f{len(self._functions)}"
        self._functions[name] = function
        return name

    def compiled(self, arguments: str, results: str, **others: Callable[..., Any]) -> Callable[..., Any]:
        """The function. Its code holds names of ours and integers alone, nothing that a user typed.

        Args:
            arguments: their names.
            results: what it returns.
            others: functions that its lines call by name.
        """
        body = "".join(f"    {line}\n" for line in self.lines)
        scope: dict[str, Any] = {**self._functions, **others}
        exec(f"def form({arguments}):\n{body}    return {results}\n", scope)  # noqa: S102 - as said above
        made: Callable[..., Any] = scope["form"]
        return made


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int) and value == number


def _is_positive(value: Any) -> bool:
    return value.positive if isinstance(value, Symbol) else value > 0


def written(values: Any) -> str:
    """Numbers and symbols as code, with commas between."""
    return ", ".join(value.text if isinstance(value, Symbol) else repr(int(value)) for value in values)


class Form:
    """A function that is drawn anew for each call, until its code is worth the writing.

    Args:
        draw: the function, by drawing.
        write: gives the same function as code.
    """

    __slots__ = ("_calls", "_function", "_write")

    def __init__(self, draw: Callable[..., Any], write: Callable[[], Callable[..., Any]]) -> None:
        self._function, self._write, self._calls = draw, write, 0

    def __call__(self, *values: int) -> Any:
        """The function's value."""
        self._calls += 1
        if self._calls == DRAWN_FIRST:
            self._function = self._write()
        return self._function(*values)
