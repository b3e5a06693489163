"""What `archkit solve` prints where a budget does not limit MACs: the best network at several MACs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archkit.cli.render import exact, json_line, new_table, show
from archkit.cli.unlike import show_unlike, unlike
from archkit.cli.working import working

if TYPE_CHECKING:
    from archkit.budget import Budget, Objective, Rung
    from archkit.spec import SearchSpace

__all__ = ["print_ladder"]


def print_ladder(space: SearchSpace, budget: Budget, objective: Objective, *, as_json: bool) -> bool:
    """Print the best network at each of several MACs; False, and nothing printed, if nothing fits."""
    from archkit.budget import ladder

    with working("width profiles ruled out or searched") as tell:
        rungs = ladder(space, budget, objective, watch=tell)
    if not rungs:
        return False
    if as_json:
        for rung in rungs:
            row = rung.best.networks[0]
            one = {**row.network._asdict(), "objective": objective.name, "value": row.value}
            proof = {"exact": rung.best.exact, "proof": rung.best.proof()}
            marks = {"outside": unlike(row.network.spec)}
            json_line({"max_macs": rung.macs, **one, "held_by": rung.held_by(), **proof, **marks})
        return True
    columns = ("MACs at most", "params", "MACs", "depth", objective.name)
    table = new_table(columns[0], "spec", *columns[1:], "held by", right=columns)
    for rung in rungs:
        row = rung.best.networks[0]
        figures = map(exact, (row.network.params, row.network.macs, row.network.depth))
        table.add_row(exact(rung.macs), row.network.spec, *figures, f"{row.value:,.4f}", rung.held_by())
    show(
        table, "", "MACs are not limited: the best at several MACs. --max-macs, or --best N, gives one list."
    )
    show(_proof(rungs))
    show_unlike(rung.best.networks[0].network.spec for rung in rungs)
    if rungs[-1].largest:
        show("The last one is the largest of its space: a larger space would give more.")
    return True


def _proof(rungs: tuple[Rung, ...]) -> str:
    open_ = [exact(rung.macs) for rung in rungs if not rung.best.exact]
    if not open_:
        return "Exact: each is proved to be the best at its MACs."
    return f"Exact, but for {', '.join(open_)}: there the search was cut off, and better ones may exist."
