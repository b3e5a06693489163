"""ArchSpec -> the list of its layers with their shapes."""

from archkit.plan.layers import BlockPlan, Layer, Plan, Shape, StagePlan, is_attention
from archkit.plan.layout import layout

__all__ = ["BlockPlan", "Layer", "Plan", "Shape", "StagePlan", "is_attention", "layout"]
