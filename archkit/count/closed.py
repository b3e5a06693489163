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
from typing import Any

from archkit.blocks import HeadSetting, StemSetting, draw_block, draw_head, draw_stem
from archkit.blocks.symbol import Code, Form, written
from archkit.count.pens import Cost, CostPen, SymbolPen
from archkit.spec import ArchSpec, as_spec

__all__ = ["Cost", "totals"]


def totals(spec: ArchSpec | str) -> Cost:
    """What a network costs, by the closed form: microseconds, however deep it is.

    >>> from archkit.spec import parse
    >>> totals(parse("[2,1,1,1]x[64,128,256,512]"))
    Cost(params=4977226, macs=328930304, activations=499722, depth=12)
    """
    spec = as_spec(spec)
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


@lru_cache(maxsize=4096)
def _stage_form(setting: Any, stride: int) -> Form:
    """(c_in, c, n, h, w) -> parameters, MACs, activations, depth, and the map that leaves the stage."""

    def draw(c_in: int, c: int, n: int, h: int, w: int) -> Any:
        pen = CostPen(c_in, h, w)
        draw_block(pen, setting, c, stride, first=True)
        if n == 1:
            return (*pen.cost, *pen.shape)
        first = pen.start_again()
        draw_block(pen, setting, c, 1, first=False)
        return (*(a + (n - 1) * b for a, b in zip(first, pen.cost, strict=True)), *pen.shape)

    return Form(draw, lambda: _write_stage(setting, stride))


def _write_stage(setting: Any, stride: int) -> Callable[..., Any]:
    code = Code()
    pen = SymbolPen(code)
    draw_block(pen, setting, code.symbol("c"), stride, first=True)
    first = pen.start_again()
    draw_block(pen, setting, code.symbol("c"), 1, first=False)
    more = code.symbol("n") - 1
    sums = [a + more * b for a, b in zip(first, pen.cost, strict=True)]
    return code.compiled("c_in, c, n, h, w", written([*sums, *pen.shape]))


@lru_cache(maxsize=1024)
def _stem_form(setting: StemSetting) -> Form:
    """(c_in, width, h, w) -> parameters, MACs, activations, depth, and the map that leaves the stem."""

    def draw(c_in: int, c: int, h: int, w: int) -> Any:
        pen = CostPen(c_in, h, w)
        draw_stem(pen, setting, c)
        return (*pen.cost, *pen.shape)

    def write() -> Callable[..., Any]:
        code = Code()
        pen = SymbolPen(code)
        draw_stem(pen, setting, code.symbol("c"))
        return code.compiled("c_in, c, h, w", written([*pen.cost, *pen.shape]))

    return Form(draw, write)


@lru_cache(maxsize=1024)
def _head_form(setting: HeadSetting) -> Form:
    """(c_in, classes, h, w) -> parameters, MACs, activations and depth."""

    def draw(c_in: int, classes: int, h: int, w: int) -> Any:
        pen = CostPen(c_in, h, w)
        draw_head(pen, setting, classes)
        return pen.cost

    def write() -> Callable[..., Any]:
        code = Code()
        pen = SymbolPen(code)
        draw_head(pen, setting, code.symbol("c"))
        return code.compiled("c_in, c, h, w", written(pen.cost))

    return Form(draw, write)
