"""What coding agents are offered: count, reconcile, enumerate, solve, each with a typed answer.

They do what the commands of the same names do. Their docstrings are what an agent reads of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from archkit.budget import (
    Budget,
    CountEstimate,
    Objective,
    count_or_estimate,
    first,
    read_space_and_budget,
    sample,
    why_nothing_fits,
)
from archkit.budget import solve as best_of
from archkit.budget.guarded import solve_guarded
from archkit.budget.published import outside
from archkit.count import count as account_of
from archkit.count.memory import memory
from archkit.count.metrics import CAPACITY
from archkit.count.reconcile import reconcile as explanations
from archkit.errors import BudgetError, NothingFitsError
from archkit.serving.answers import Counted, Enumerated, Explained, Network, Part, Reading, Solved, Winner
from archkit.spec import SearchSpace, parse

__all__ = ["TOOLS", "count", "enumerate_networks", "reconcile", "solve"]

Limits: TypeAlias = dict[str, str | float]
"""Limits by name: `max_params`, `min_depth`, `max_macs`, `max_peak_memory` and so on."""

_MOST: Final = 1_000


def count(spec: str) -> Counted:
    """Count what a network costs, exactly: parameters, multiply-accumulates (MACs), activations, memory.

    The spec is a notation such as "[2,1,1,1]x[64,128,256,512]" (blocks of each stage x channels of each
    stage, CIFAR-10 unless it says otherwise) or a name such as "resnet50" or "mobilenetv2_100", with options
    behind it: "resnet18 classes=10 input=3x32x32". MACs are counted for one image; FLOPs are twice that.
    Training memory is for one image in float32 with momentum.
    """
    account = account_of(spec, fold=2)
    held = memory(account.spec, batch=1, optimizer="momentum")
    return Counted(
        spec=str(account.spec),
        params=account.params,
        macs=account.macs,
        activations=account.activations,
        depth=account.depth,
        training_memory_bytes=held.training,
        peak_memory_bytes=held.inference_peak,
        parts=[
            Part(name=part.name, params=part.params, macs=part.macs, activations=part.activations)
            for part in account.parts
        ],
    )


def reconcile(
    spec: str, figure: str, counts: Literal["params", "macs"] | None = None, limit: int = 20
) -> Explained:
    """Explain a published figure of a network that differs from what you count.

    The figure is written as it was printed: "3.15M", "4,697,742", "8.2 GFLOPs". What a notation leaves out is
    varied (shortcuts, biases, stems, strides), and what the figure counts: parameters, MACs, FLOPs, what
    fvcore, ptflops, thop or torchinfo print. The simplest explanation comes first.
    """
    asked = parse(spec)
    found = explanations(asked, figure, quantity=counts)
    return Explained(
        spec=str(asked),
        figure=figure,
        found=len(found),
        readings=[
            Reading(
                spec=str(one.spec),
                params=one.params,
                macs=one.macs,
                reading=one.reading,
                number=one.number,
                changes=list(one.changes),
                fit=one.fit,
                near=one.near,
                slip=one.slip,
            )
            for one in found[: _few(limit)]
        ],
    )


def enumerate_networks(
    limits: Limits | None = None,
    space: str | None = None,
    budget: str | None = None,
    limit: int = 20,
    sort: str = "params",
    sample_seed: int | None = None,
) -> Enumerated:
    """Count the networks of a space that fit a budget, exactly, and list some of them.

    Limits are such as {"max_params": "5M", "max_macs": "400M", "min_depth": 10, "max_peak_memory": "64KiB"}.
    A space is a spec with sets in it, "[1..9]*3x[16..320:16] order=nondecreasing"; without one, 3 or 4 stages
    of basic blocks are searched. A budget is the name of one that archkit ships, such as "cifar10-5m". The
    first by `sort` are listed, most first ("least-macs": least first); with a `sample_seed`, a fair sample is
    drawn instead, each network as likely as every other.
    """
    searched, within = _read(space, budget, limits)
    order = Objective.read_figure(sort, option="sort", tables=within.names)
    if sample_seed is not None:
        fit = count_or_estimate(searched, within)
        rows = sample(searched, within, _few(limit), seed=sample_seed)
    else:
        found = first(searched, within, order, _few(limit))
        fit, rows = found.within, found.networks
    low, high = (fit.low, fit.high) if isinstance(fit, CountEstimate) else (fit, fit)
    return Enumerated(
        space=str(searched),
        fit=low,
        fit_text=str(low),
        exact=not isinstance(fit, CountEstimate),
        fit_at_most=high,
        networks=[Network(**row._asdict()) for row in rows],
    )


def solve(
    limits: Limits | None = None,
    space: str | None = None,
    budget: str | None = None,
    by: str = CAPACITY,
    best: int = 10,
    extrapolate: bool = False,
) -> Solved:
    """Find the best networks of a space within a budget, with the proof that no other is better.

    Limits, space and budget are as for `enumerate`. They are ranked by `by`: "capacity" (the default),
    "entropy", or a figure such as "macs", most first; "least-params" and so on put the least first. By
    capacity, networks unlike every published one are left out unless `extrapolate` is true.
    """
    searched, within = _read(space, budget, limits)
    objective = Objective.read(by, tables=within.names)
    left_out = None
    if objective.name == CAPACITY and not extrapolate:
        guarded = solve_guarded(searched, within, objective, _few(best))
        found, left_out = guarded.best, guarded.said()
    else:
        found = best_of(searched, within, objective, _few(best))
    if not found.networks:
        if not found.exact:
            raise NothingFitsError(f"nothing was found. {found.proof()}")
        reasons = "; ".join(why_nothing_fits(searched, within, objective))
        raise NothingFitsError(f"nothing fits: {reasons}")
    return Solved(
        space=str(searched),
        by=by,
        exact=found.exact,
        proof=found.proof(),
        left_out=left_out,
        networks=[
            Winner(
                **row.network._asdict(),
                value=row.value,
                unlike_published=[str(one) for one in outside(parse(row.network.spec))],
            )
            for row in found.networks
        ],
    )


def _read(space: str | None, budget: str | None, limits: Limits | None) -> tuple[SearchSpace, Budget]:
    texts = {key.replace("-", "_"): str(value) for key, value in (limits or {}).items()}
    return read_space_and_budget(space, budget, texts)


def _few(n: int) -> int:
    if not 1 <= n <= _MOST:
        raise BudgetError(f"a list has 1 to {_MOST:,} networks, not {n}")
    return n


TOOLS: Final[dict[str, Callable[..., Any]]] = {
    "count": count,
    "reconcile": reconcile,
    "enumerate": enumerate_networks,
    "solve": solve,
}
"""The tools by the names that agents call them by."""
