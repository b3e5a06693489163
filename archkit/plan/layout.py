"""`layout`: ArchSpec -> Plan."""

from __future__ import annotations

from archkit.blocks import draw_block, draw_head, draw_stem
from archkit.plan.pen import PlanPen
from archkit.plan.tree import Block, Plan, Stage
from archkit.spec import ArchSpec, as_spec

__all__ = ["layout"]


def layout(spec: ArchSpec | str) -> Plan:
    """Lays a network out; it may be given as a text.

    >>> from archkit.spec import parse
    >>> plan = layout(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> plan.stem[0].name, plan.stem[0].in_shape, plan.stem[0].out_shape
    ('stem.conv', (3, 32, 32), (64, 32, 32))
    >>> plan.head[-1].name, plan.head[-1].in_shape, plan.head[-1].out_shape
    ('head.fc', (512,), (10,))
    """
    spec = as_spec(spec)
    c, h, w = spec.input
    pen = PlanPen(c, h, w, "stem")
    draw_stem(pen, spec.parts.stem, spec.stem.width)
    stem = tuple(pen.nodes)
    stages = []
    for i, setting in enumerate(spec.parts.stages):
        blocks = []
        for j in range(spec.blocks[i]):
            block = f"stage{i + 1}.block{j + 1}"
            pen = _next(pen, block)
            stride = spec.parts.strides[i] if j == 0 else 1
            draw_block(pen, setting, spec.channels[i], stride, first=j == 0)
            blocks.append(Block(name=block, nodes=tuple(pen.nodes)))
        stages.append(Stage(name=f"stage{i + 1}", blocks=tuple(blocks)))
    pen = _next(pen, "head")
    draw_head(pen, spec.parts.head, spec.classes)
    return Plan(spec=spec, stem=stem, stages=tuple(stages), head=tuple(pen.nodes))


def _next(pen: PlanPen, prefix: str) -> PlanPen:
    """A pen for the next part, where the last one stands."""
    return PlanPen(pen.c, pen.h, pen.w, prefix)
