"""Budgets, and the networks that keep to them."""

from archkit.budget.best import Best, Ranked, Watch, solve
from archkit.budget.block_table import BlockTable
from archkit.budget.estimate import CountEstimate, count_or_estimate, estimate_within
from archkit.budget.fair import FairSample, read_share, samples_needed
from archkit.budget.file import BudgetFile, read_budget, read_space, read_space_and_budget, shipped_budgets
from archkit.budget.first import First, first
from archkit.budget.headroom import Change, Headroom, Left, headroom
from archkit.budget.ladder import Rung, ladder
from archkit.budget.largest import largest
from archkit.budget.limits import Budget, End, Limit
from archkit.budget.listing import Candidate, candidates
from archkit.budget.objective import EXPONENTS, MAX_RHO, Objective, capacity, entropy, rho
from archkit.budget.output import write_candidates
from archkit.budget.pareto import pareto, read_directions
from archkit.budget.read_table import read_table, write_table
from archkit.budget.relax import Relaxation, least, relaxations, why_nothing_fits
from archkit.budget.table_rows import blocks_of_space
from archkit.budget.within import count_within, few_enough, histogram, histogram_is_quick, sample
from archkit.count.metrics import FIGURES, OBJECTIVES, words

__all__ = [
    "EXPONENTS",
    "FIGURES",
    "MAX_RHO",
    "OBJECTIVES",
    "Best",
    "BlockTable",
    "Budget",
    "BudgetFile",
    "Candidate",
    "Change",
    "CountEstimate",
    "End",
    "FairSample",
    "First",
    "Headroom",
    "Left",
    "Limit",
    "Objective",
    "Ranked",
    "Relaxation",
    "Rung",
    "Watch",
    "blocks_of_space",
    "candidates",
    "capacity",
    "count_or_estimate",
    "count_within",
    "entropy",
    "estimate_within",
    "few_enough",
    "first",
    "headroom",
    "histogram",
    "histogram_is_quick",
    "ladder",
    "largest",
    "least",
    "pareto",
    "read_budget",
    "read_directions",
    "read_share",
    "read_space",
    "read_space_and_budget",
    "read_table",
    "relaxations",
    "rho",
    "sample",
    "samples_needed",
    "shipped_budgets",
    "solve",
    "why_nothing_fits",
    "words",
    "write_candidates",
    "write_table",
]
