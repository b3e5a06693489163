"""`archkit report --compare A B`: what two networks' figures say of each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archkit.cli.render import exact, json_line, new_table, say, show
from archkit.errors import DataError
from archkit.files import is_folder

if TYPE_CHECKING:
    from archkit.bench.report.compare import Comparison, Side

__all__ = ["print_comparison"]


def print_comparison(a: str, b: str, runs: Sequence[Path], *, as_json: bool) -> None:
    """Compares two networks and prints how.

    Args:
        a: a run's folder, or a network among `runs`; see `archkit.bench.report.compare.side`.
        b: the same.
        runs: folders of runs in which networks are looked for.
        as_json: whether to print one JSON object.

    Raises:
        DataError: they cannot be compared.
    """
    from archkit.bench.report import find_runs
    from archkit.bench.report.compare import compare, side

    names = [text for text in (a, b) if not is_folder(Path(text))]
    if names and not runs:
        raise DataError(
            f"{names[0]} is no folder; to compare networks by name, say where their runs are: archkit report"
            " RUNS --compare A B"
        )
    found, skipped = find_runs(runs) if names else ((), ())
    for reason in skipped:
        say(f"skipped: {reason if reason.isprintable() else ascii(reason)}")
    both = compare(side(a, found), side(b, found))
    if as_json:
        json_line(both.to_mapping())
        return
    _print(both)


def _print(both: Comparison) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for letter, one in (("A", both.a), ("B", both.b)):
        table.add_row(letter, one.name, _mean(one))
    show(table, "")
    lines = Table.grid(padding=(0, 2))
    lines.add_row("A less B", _points(both.difference), "")
    if both.images is not None:
        lines.add_row("  on other images", _interval(both.images.interval), _on_images(both))
    if both.seeds is not None:
        test = both.seeds
        words = (
            "every seed gave the same"
            if test.t is None or test.p is None
            else f"Welch's t = {test.t:.2f} with {test.df:.1f} degrees of freedom, {_p(test.p)}"
        )
        lines.add_row("  with other seeds", _interval(test.interval), words)
    show(lines)
    if both.images is not None:
        pairs = new_table(
            "seeds",
            "A alone",
            "B alone",
            "A less B",
            "McNemar's p",
            right=("A alone", "B alone", "A less B", "McNemar's p"),
        )
        for of_a, of_b, pair in both.images.pairs:
            seeds = str(of_a) if of_a == of_b else f"{of_a}, {of_b}"
            pairs.add_row(
                seeds, exact(pair.only_a), exact(pair.only_b), _points(pair.difference), f"{pair.p:.3g}"
            )
        show("", pairs, "", f"A alone: right in A, wrong in B; of {exact(both.a.group.total)} images.")
    else:
        show(
            f"Not compared image by image: {both.lacking[0]} does not say which images are right;"
            " `archkit eval` adds that to the folder of a run."
        )
    show("", *_seeds(both))


def _seeds(both: Comparison) -> list[str]:
    """How many seeds it takes, and how that is computed."""
    if both.deviation is None:
        return [
            "With one seed on a side, nothing is known of other seeds, nor how many would tell them apart."
        ]
    deviation = 100 * both.deviation
    seen = ", ".join(f"{n} seeds sees {100 * (both.seen_by(n) or 0):.2f}" for n in (3, 10, 30))
    if both.needed is None:
        answer = "No number of seeds that anybody trains would tell the two apart."
    else:
        apart = _points(abs(both.difference)).removeprefix("+")
        answer = f"If they are {apart} apart, {exact(both.needed)} seeds a side tell them apart."
    return [
        answer,
        f"The deviation between seeds is {deviation:.2f} points. A side of {seen} points,",
        "four times out of five, tested at 5%: (t of 97.5% + t of 80%) x deviation x sqrt(2 / seeds).",
    ]


def _on_images(both: Comparison) -> str:
    """How the interval on the images came about."""
    if both.images is not None and both.a.group.test.n == both.b.group.test.n == 1:
        return f"McNemar's test, {_p(both.images.pairs[0][2].p)}; Tango's interval"
    return "paired by image, over the means of the runs"


def _mean(one: Side) -> str:
    test = one.group.test
    spread = "" if test.sd is None else f", deviation {100 * test.sd:.2f}"
    return f"{100 * test.mean:.2f}%, {test.n} {'seed' if test.n == 1 else 'seeds'}{spread}"


def _points(share: float) -> str:
    """A difference in points; adding 0 turns -0.0 into 0.0."""
    return f"{round(100 * share, 2) + 0.0:+.2f} points"


def _interval(ends: tuple[float, float]) -> str:
    low, high = (f"{round(100 * end, 2) + 0.0:+.2f}" for end in ends)
    return f"{low} to {high}"


def _p(p: float) -> str:
    return f"p = {p:.3g}"
