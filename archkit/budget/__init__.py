"""Budgets, and the networks that keep to them."""

from archkit.budget.best import Best, Ranked, solve
from archkit.budget.file import BudgetFile, read_budget
from archkit.budget.headroom import Change, Headroom, Left, headroom
from archkit.budget.limits import Budget, Limit
from archkit.budget.listing import Candidate, candidates, largest
from archkit.budget.objective import MAX_RHO, OBJECTIVES, Objective, entropy, rho
from archkit.budget.output import write_candidates
from archkit.budget.pareto import pareto, read_directions
from archkit.budget.within import count_within, histogram, least, relaxations, sample

__all__ = [
    "MAX_RHO",
    "OBJECTIVES",
    "Best",
    "Budget",
    "BudgetFile",
    "Candidate",
    "Change",
    "Headroom",
    "Left",
    "Limit",
    "Objective",
    "Ranked",
    "candidates",
    "count_within",
    "entropy",
    "headroom",
    "histogram",
    "largest",
    "least",
    "pareto",
    "read_budget",
    "read_directions",
    "relaxations",
    "rho",
    "sample",
    "solve",
    "write_candidates",
]
