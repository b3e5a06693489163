"""What `archkit count --memory` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from archkit.spec import ArchSpec

__all__ = ["show_memory"]

_ROWS = (
    ("weights", "weights", "parameters x 4"),
    ("buffers", "buffers", "batch norm's mean, variance, count"),
    ("gradients", "gradients", "parameters x 4"),
    ("optimizer_states", "optimizer", "parameters x 4 x states"),
    ("activations", "activations", "what autograd keeps, x batch"),
)


def show_memory(specs: list[ArchSpec], *, batch: int, optimizer: str, as_json: bool) -> None:
    """Show the memory of each network in float32, for training and for inference."""
    from dataclasses import asdict

    from archkit.count.memory import memory

    for spec in specs:
        found = memory(spec, batch=batch, optimizer=optimizer)
        if as_json:
            totals = {"training": found.training, "inference": found.inference}
            json_line({"spec": str(spec), **asdict(found), **totals})
            continue
        table = new_table("memory", "bytes", "formula", right=("bytes",), title=str(spec))
        for field, name, formula in _ROWS:
            more = "; blur's filters" if field == "buffers" and spec.aa.startswith("blur") else ""
            table.add_row(name, exact(getattr(found, field)), formula + more)
        table.add_row("training", exact(found.training), "all of them", style="bold", end_section=True)
        table.add_row("inference peak", exact(found.inference_peak), "values alive at once, x batch x 4")
        table.add_row("inference", exact(found.inference), "with weights and buffers", style="bold")
        show(table, f"float32, a batch of {exact(batch)}, optimizer {optimizer}.")
