"""The closed form: what a stage costs, without laying it out.

A stage of n blocks costs `first_block(c_in, c) + (n - 1) * other_block(c)`. Both come from the drawing of
the block's family: a pen adds up what the layers cost. Channels may be Python integers, of any size, or
integer arrays of one shape: the same form serves one network, millions of them, and the solver. A stage
that is counted again and again is drawn once more with symbols, which gives the form as straight-line
code. The tests hold both to the plan's sum, layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from archkit.blocks import HeadSetting, StemSetting, draw_head, draw_stem
from archkit.count.pens import Cost, CostPen, Symbol, SymbolPen, compiled
from archkit.spec import ArchSpec
from archkit.spec.drawing import draw_block

__all__ = ["Cost", "totals"]

# Writing the code of a stage takes as long as drawing it some forty times.
_DRAWN_FIRST: Final = 40


def totals(spec: ArchSpec) -> Cost:
    """What a network costs, by the closed form: microseconds, however deep it is.

    >>> from archkit.spec import parse
    >>> totals(parse("[2,1,1,1]x[64,128,256,512]"))
    Cost(params=4977226, macs=328930304, activations=499722, depth=12)
    """
    stem, settings, strides, head = spec.parts
    c, h, w = spec.input
    params, macs, activations, depth, c, h, w = _stem_form(stem)(c, spec.stem[1], h, w)
    for setting, stride, n, width in zip(settings, strides, spec.blocks, spec.channels, strict=True):
        p, m, a, d, c, h, w = _stage_form(setting, stride)(c, width, n, h, w)
        params += p
        macs += m
        activations += a
        depth += d
    p, m, a, d = _head_form(head)(c, spec.classes, h, w)
    return Cost(params + p, macs + m, activations + a, depth + d)


class _Form:
    """The closed form of a part, drawn anew for each call until it is worth to write its code."""

    __slots__ = ("_calls", "_draw", "_write")

    def __init__(self, draw: Callable[..., Any], write: Callable[[], Callable[..., Any]]) -> None:
        self._draw, self._write, self._calls = draw, write, 0

    def __call__(self, *values: int) -> Any:
        self._calls += 1
        if self._calls == _DRAWN_FIRST:
            self._draw = self._write()
        return self._draw(*values)


@lru_cache(maxsize=4096)
def _stage_form(setting: Any, stride: int) -> _Form:
    """(c_in, c, n, h, w) -> parameters, MACs, activations, depth, and the map that leaves the stage."""

    def draw(c_in: int, c: int, n: int, h: int, w: int) -> Any:
        pen = CostPen(c_in, h, w)
        draw_block(pen, setting, c, stride, first=True)
        if n == 1:
            return (*pen.cost, pen.c, pen.h, pen.w)
        first = pen.start_again()
        draw_block(pen, setting, c, 1, first=False)
        return (*(a + (n - 1) * b for a, b in zip(first, pen.cost, strict=True)), pen.c, pen.h, pen.w)

    return _Form(draw, lambda: _write_stage(setting, stride))


def _write_stage(setting: Any, stride: int) -> Callable[..., Any]:
    functions: dict[str, Callable[..., Any]] = {}
    pen = SymbolPen(functions)
    c, more = Symbol("c", functions), Symbol("(n-1)", functions)
    draw_block(pen, setting, c, stride, first=True)
    first = pen.start_again()
    draw_block(pen, setting, c, 1, first=False)
    sums = [_text(a + more * b) for a, b in zip(first, pen.cost, strict=True)]
    where = [_text(size) for size in pen.shape]
    return compiled("c_in, c, n, h, w", pen.lines, ", ".join([*sums, *where]), functions)


@lru_cache(maxsize=1024)
def _stem_form(setting: StemSetting) -> _Form:
    """(c_in, width, h, w) -> parameters, MACs, activations, depth, and the map that leaves the stem."""

    def draw(c_in: Any, c: Any, h: Any, w: Any) -> Any:
        pen = CostPen(c_in, h, w)
        draw_stem(pen, setting, c)
        return (*pen.cost, pen.c, pen.h, pen.w)

    def write() -> Callable[..., Any]:
        functions: dict[str, Callable[..., Any]] = {}
        pen = SymbolPen(functions)
        draw_stem(pen, setting, Symbol("c", functions))
        results = ", ".join(map(_text, (*pen.cost, *pen.shape)))
        return compiled("c_in, c, h, w", pen.lines, results, functions)

    return _Form(draw, write)


@lru_cache(maxsize=1024)
def _head_form(setting: HeadSetting) -> _Form:
    """(c_in, classes, h, w) -> parameters, MACs, activations and depth."""

    def draw(c_in: Any, classes: Any, h: Any, w: Any) -> Any:
        pen = CostPen(c_in, h, w)
        draw_head(pen, setting, classes)
        return pen.cost

    def write() -> Callable[..., Any]:
        functions: dict[str, Callable[..., Any]] = {}
        pen = SymbolPen(functions)
        draw_head(pen, setting, Symbol("c", functions))
        return compiled("c_in, c, h, w", pen.lines, ", ".join(map(_text, pen.cost)), functions)

    return _Form(draw, write)


def _text(value: Any) -> str:
    return value.text if isinstance(value, Symbol) else repr(int(value))
