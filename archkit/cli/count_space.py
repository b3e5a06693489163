"""`archkit enumerate --count`: how many networks of a space fit a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archkit.cli.networks import head_line, histogram_table, nothing_fits
from archkit.cli.render import json_line, say, show
from archkit.cli.working import working

if TYPE_CHECKING:
    from archkit.budget import Budget, CountEstimate
    from archkit.spec import SearchSpace

__all__ = ["show_count"]


def show_count(space: SearchSpace, budget: Budget, *, as_json: bool) -> None:
    """Print how many networks fit, with a histogram over parameters; or one JSON object.

    Raises:
        NothingFitsError: none does.
    """
    from archkit.budget import count_or_estimate, histogram, histogram_is_quick

    with working("counting"):
        within = count_or_estimate(space, budget)
        shown = within if isinstance(within, int) and not as_json and budget.limited() else 0
        quick = shown > 0 and histogram_is_quick(space, budget, shown)
        bins = histogram(space, budget) if quick else ()
    if as_json:
        _print_count(space, within)
    else:
        show(head_line(space, within))
    if quick:
        show("", histogram_table(bins))
    elif shown:
        say("no histogram: under these limits it would take far longer than the count")
    if within == 0:
        nothing_fits(space, budget)


def _print_count(space: SearchSpace, within: int | CountEstimate) -> None:
    from dataclasses import asdict

    found = {"space": str(space), "size": space.size()}
    if isinstance(within, int):
        json_line({**found, "within": within})
    else:
        json_line({**found, "within": None, "estimate": asdict(within)})
