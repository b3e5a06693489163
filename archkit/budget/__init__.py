"""Budgets, and the networks that keep to them."""

from archkit.budget.best import Best, Ranked, Watch, solve
from archkit.budget.estimate import Estimate, count_or_estimate, estimate_within, few_enough
from archkit.budget.file import BudgetFile, read_budget, read_space
from archkit.budget.headroom import Change, Headroom, Left, headroom
from archkit.budget.limits import FIGURES, Budget, Limit, words
from archkit.budget.listing import Candidate, candidates, largest
from archkit.budget.objective import MAX_RHO, OBJECTIVES, Objective, entropy, rho
from archkit.budget.output import write_candidates
from archkit.budget.pareto import pareto, read_directions
from archkit.budget.relax import Relaxation, least, relaxations
from archkit.budget.within import count_within, histogram, sample

__all__ = [
    "FIGURES",
    "MAX_RHO",
    "OBJECTIVES",
    "Best",
    "Budget",
    "BudgetFile",
    "Candidate",
    "Change",
    "Estimate",
    "Headroom",
    "Left",
    "Limit",
    "Objective",
    "Ranked",
    "Relaxation",
    "Watch",
    "candidates",
    "count_or_estimate",
    "count_within",
    "entropy",
    "estimate_within",
    "few_enough",
    "headroom",
    "histogram",
    "largest",
    "least",
    "pareto",
    "read_budget",
    "read_directions",
    "read_space",
    "relaxations",
    "rho",
    "sample",
    "solve",
    "words",
    "write_candidates",
]
