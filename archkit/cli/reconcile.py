"""`archkit reconcile`: which conventions turn a spec into a published figure."""

from __future__ import annotations

from typing import Annotated

import typer

from archkit.cli.completion import architectures
from archkit.cli.render import exact, json_line, new_table, show

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
        typer.Argument(metavar="FIGURE", help="The figure as it was printed: 3.15M, 4,697,742, 329e6."),
    ],
    macs: Annotated[
        bool | None,
        typer.Option(
            "--macs/--params",
            help="What the figure counts: MACs or parameters. Parameters, unless it says so (4.1 GMACs).",
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

    A figure with few digits fits many variants; `rounded` and `cut` say how each of them becomes it.

    Example: archkit reconcile resnet50 25.6M
    """
    from archkit.count.figure import parse_figure
    from archkit.count.reconcile import reconcile
    from archkit.spec import parse

    asked = parse(spec)
    printed = parse_figure(figure)
    if printed.counted == "bytes":
        raise typer.BadParameter(f"{figure} counts bytes, not parameters or MACs", param_hint="FIGURE")
    if macs is not None and printed.counted not in (None, "macs" if macs else "params"):
        raise typer.BadParameter(f"{figure} says itself what it counts", param_hint="--macs/--params")
    counts_macs = macs if macs is not None else printed.counted == "macs"
    found = reconcile(asked, printed, quantity="macs" if counts_macs else "params", max_changes=max_changes)
    if as_json:
        for one in found[:limit]:
            json_line(
                {
                    "spec": str(one.spec),
                    "params": one.params,
                    "macs": one.macs,
                    "changes": list(one.changes),
                    "fit": one.fit,
                }
            )
        return
    if not found:
        show(f"Nothing within {max_changes} changes of {asked} prints as {figure}.")
        return
    table = new_table("changes", "params", "MACs", "fit", right=("params", "MACs"))
    for one in found[:limit]:
        table.add_row(
            " ".join(one.changes) or "none: as written", exact(one.params), exact(one.macs), one.fit
        )
    counted = "" if printed.counted else " MACs" if counts_macs else " parameters"
    show(f"{asked} against {figure}{counted}", "", table)
    if len(found) > limit:
        show("", f"{len(found) - limit} more explain it less simply (--limit).")
