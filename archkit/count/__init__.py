"""Exact counts of a network: one by one, in closed form, and in arrays."""

from archkit.count.closed import Cost, totals
from archkit.count.formulas import equation1
from archkit.count.report import Account, LayerCost, PartCost, count

__all__ = ["Account", "Cost", "LayerCost", "PartCost", "count", "equation1", "totals"]
