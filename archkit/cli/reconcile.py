"""`archkit reconcile`: which conventions turn a spec into a published figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.completion import architectures
from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from archkit.count.reconcile import Explanation, Quantity

__all__ = ["reconcile_command"]


def reconcile_command(
    spec: Annotated[
        str,
        typer.Argument(
            metavar="SPEC", autocompletion=architectures, help="The network as the paper writes it."
        ),
    ],
    figure: Annotated[
        str,
        typer.Argument(metavar="FIGURE", help="The figure as it was printed: 3.15M, 4,697,742, 8.2 GFLOPs."),
    ],
    macs: Annotated[
        bool | None,
        typer.Option(
            "--macs/--params",
            help="What the figure counts: MACs or parameters. Unless the figure says so (4.1 GMACs), it is"
            " taken for what it is nearer to.",
        ),
    ] = None,
    max_changes: Annotated[
        int, typer.Option("--max-changes", min=0, max=4, help="The most changes that are combined.")
    ] = 3,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The most explanations that are listed.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines, one object per explanation.")
    ] = False,
) -> None:
    """Explain a published figure: the variants of a spec that print as it does, simplest first.

    What the notation leaves out is varied, and what the figure counts: parameters, MACs, FLOPs, what another
    tool prints. A figure with few digits fits many variants; `rounded` and `cut` say how each of them becomes
    it. If nothing fits, networks near by are looked at.

    Example: archkit reconcile resnet50 25.6M
    """
    from archkit.count.reconcile import reconcile
    from archkit.count.reconcile.explain import likely_quantities
    from archkit.count.reconcile.nearby import name_of
    from archkit.count.reconcile.readings import PLAIN, figure_of
    from archkit.spec import parse

    asked = parse(spec)
    printed = figure_of(figure)
    given: Quantity | None = None if macs is None else "macs" if macs else "params"
    if given is not None and printed.counted not in (None, given):
        raise typer.BadParameter(f"{figure} says itself what it counts", param_hint="--macs/--params")
    found = reconcile(asked, printed, quantity=given, max_changes=max_changes)
    shown = _within(found, limit)
    if as_json:
        for one in shown:
            json_line(
                {
                    "spec": str(one.spec),
                    "name": name_of(one.spec),
                    "params": one.params,
                    "macs": one.macs,
                    "reading": one.reading,
                    "number": one.number,
                    "changes": list(one.changes),
                    "fit": one.fit,
                    "near": one.near,
                    "slip": one.slip,
                }
            )
        return
    nothing = f"Nothing within {max_changes} changes of {asked} prints as {figure}"
    if not found:
        likely = likely_quantities(asked, printed)[0]
        hint = "" if given in (None, likely) else f" It is nearer to the {PLAIN[likely]} (--{likely})."
        show(f"{nothing}.{hint}")
        return
    table = new_table("changes", "params", "MACs", "the figure is", "fit", right=("params", "MACs"))
    for one in shown:
        changes = " ".join(one.changes) or "none: as written"
        name = name_of(one.spec) if one.changes else None
        if name is not None and name not in one.changes:
            changes = f"{changes} ({name})"
        plain = one.number in (one.params, one.macs)
        said = one.reading if plain else f"{one.reading}: {exact(one.number)}"
        table.add_row(changes, exact(one.params), exact(one.macs), said, one.fit)
    counted = "" if given is None else f" {PLAIN[given]}"
    show(f"{nothing}; near by:" if found[0].near else f"{asked} against {figure}{counted}", "", table)
    if len(found) > limit:
        show("", f"{len(found) - limit} more explain it less simply (--limit).")


def _within(found: Sequence[Explanation], limit: int) -> Sequence[Explanation]:
    """As many as the limit says; the last of them is the slip of a decimal point, where there is one."""
    slips = [one for one in found[limit:] if one.slip]
    return [*found[: limit - 1], *slips[:1]] if slips and limit > 1 else found[:limit]
