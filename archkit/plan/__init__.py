"""ArchSpec -> the tree of its layers with their shapes."""

from archkit.plan.kinds import KINDS, LayerKind, may_overwrite
from archkit.plan.layout import layout
from archkit.plan.outline import Case, Outline, StageOutline, outline
from archkit.plan.pen import PlanPen
from archkit.plan.tree import Block, Gate, Layer, Node, Plan, Residual, Shape, Stage, layers_of, main_path

__all__ = [
    "KINDS",
    "Block",
    "Case",
    "Gate",
    "Layer",
    "LayerKind",
    "Node",
    "Outline",
    "Plan",
    "PlanPen",
    "Residual",
    "Shape",
    "Stage",
    "StageOutline",
    "layers_of",
    "layout",
    "main_path",
    "may_overwrite",
    "outline",
]
