"""The figures of one finished run, a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archkit.cli.render import exact, show
from archkit.cli.tally import duration, percent

if TYPE_CHECKING:
    from archkit.bench.sweep.run import Finished
    from archkit.bench.train.results import Score

__all__ = ["counted", "show_result"]


def show_result(done: Finished) -> None:
    """Prints the figures of a finished run."""
    from rich.table import Table

    from archkit.bench.recipe import changes_in_full

    result, data = done.result, done.result.data
    table = Table.grid(padding=(0, 2))
    table.add_row("network", result.spec)
    low, high = result.test.interval
    table.add_row("test accuracy", f"{counted(result.test)}  (95% interval {low:.2%} to {high:.2%})")
    if result.test_flip is not None:
        table.add_row("  with flips", counted(result.test_flip))
    if result.test_six is not None:
        table.add_row("  six views", counted(result.test_six))
    if result.validation is not None:
        table.add_row("validation", counted(result.validation))
    table.add_row("tested", f"epoch {result.epoch} of {result.recipe.epochs}")
    table.add_row("parameters", exact(result.params))
    table.add_row("MACs", exact(result.macs))
    table.add_row("data", f"{data.name}, {exact(data.train)} of {exact(data.whole_train)} images trained on")
    table.add_row("recipe", f"{changes_in_full(result.recipe)}, seed {result.seed}")
    rate = f"{result.images_per_second:,.0f} images/s"
    if result.peak_share is not None:
        rate += f" ({result.peak_share:.0%} of the device's peak)"
    table.add_row("training", f"{duration(result.train_seconds)}, {rate}")
    if result.compile_seconds is not None:
        table.add_row("compiling", f"{duration(result.compile_seconds)}, not in the training time")
    table.add_row("device", result.environment.device_text)
    table.add_row("folder", str(done.folder))
    show(table)


def counted(score: Score) -> str:
    """A score as its share in percent and as counts."""
    return f"{percent(score.correct, score.total)}  {exact(score.correct)} of {exact(score.total)}"
