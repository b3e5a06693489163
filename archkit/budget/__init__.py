"""Budgets, and the networks that keep to them."""

from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import Candidate, candidates, largest
from archkit.budget.output import write_candidates

__all__ = ["Budget", "Candidate", "Limit", "candidates", "largest", "write_candidates"]
