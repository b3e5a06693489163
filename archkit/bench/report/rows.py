"""`rows`: a section of the report as a table of texts, the same wherever it is shown; Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from archkit.bench.report.groups import Group, Section, Summary
from archkit.bench.report.names import data_text, network_name
from archkit.bench.report.paper import Printed, printed_for
from archkit.statistics import percent

__all__ = [
    "COLUMNS",
    "RUN_COLUMNS",
    "Row",
    "front",
    "in_order",
    "rows",
    "run_rows",
    "shown",
    "to_csv",
    "to_markdown",
]

COLUMNS: Final = (
    "network",
    "recipe",
    "n",
    "mean",
    "sd",
    "95% interval",
    "with flips",
    "six views",
    "validation",
    "paper",
    "difference",
    "params",
    "MACs",
    "correct",
)
"""The column heads of a report's table."""

RUN_COLUMNS: Final = (
    "network",
    "spec",
    "params",
    "macs",
    "recipe",
    "seed",
    "epochs",
    "epoch",
    "test_correct",
    "test_flip_correct",
    "test_total",
    "validation_correct",
    "validation_total",
    "paper_percent",
    "train_seconds",
    "images_per_second",
    "device",
    "precision",
    "torch",
    "data",
    "data_checksum",
    "key",
    "folder",
    "test_six_correct",
    "gpu_shared_by",
)
"""What is known of each run, in the CSV and in data frames."""

_RIGHT: Final = frozenset(COLUMNS) - {"network", "recipe"}
_NONE: Final = "-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A group and its texts.

    Attributes:
        group: the runs.
        network: the network's name, or its spec.
        recipe: the label of the recipe.
        printed: the paper's figure for it, or None.
    """

    group: Group
    network: str
    recipe: str
    printed: Printed | None

    @property
    def difference(self) -> float | None:
        """The mean accuracy minus the paper's, in points; None if the paper has none."""
        if self.printed is None:
            return None
        # The paper's figure has two places; adding 0 turns -0.0 into 0.0.
        return round(100 * self.group.test.mean - self.printed.percent, 2) + 0.0

    def cells(self) -> tuple[str, ...]:
        """The texts for `COLUMNS`."""
        test, flip, six = self.group.test, self.group.flip, self.group.six
        apart = self.group.validation
        return (
            self.network,
            self.recipe,
            str(test.n),
            percent(test.mean),
            *_spread(test),
            _NONE if flip is None else percent(flip.mean),
            _NONE if six is None else percent(six.mean),
            _NONE if apart is None else percent(apart.mean),
            _NONE
            if self.printed is None
            else f"{self.printed.percent:.2f}{'*' if self.printed.moved else ''}",
            _NONE if self.difference is None else f"{self.difference:+.2f}",
            f"{self.group.params:,}",
            f"{self.group.macs:,}",
            f"{' '.join(f'{n:,}' for n in self.group.correct)} of {self.group.total:,}",
        )


def rows(section: Section) -> tuple[Row, ...]:
    """A row for each group of a section, the most accurate first."""
    return tuple(sorted(in_order(section), key=lambda row: -row.group.test.mean))


def in_order(section: Section) -> Iterator[Row]:
    """The rows in the section's order, which is that of the folders."""
    for group in section.groups:
        yield Row(
            group=group,
            network=network_name(group.spec, section.data),
            recipe=group.label,
            printed=printed_for(group, section.data),
        )


def shown(table: Sequence[Row]) -> tuple[int, ...]:
    """The indices of the `COLUMNS` to show; some, such as the paper's, are left out without a figure."""
    texts = [row.cells() for row in table]
    may_be_empty = {"with flips", "six views", "validation", "paper", "difference"}
    return tuple(
        at
        for at, name in enumerate(COLUMNS)
        if name not in may_be_empty or any(cells[at] != _NONE for cells in texts)
    )


def front(costs: Sequence[int], shares: Sequence[float]) -> tuple[int, ...]:
    """The indices of the points that no other beats by costing no more and being no worse, and better in one.

    Args:
        costs: one for each point; less is better.
        shares: one for each point; more is better.

    Returns:
        The indices in the order of the costs; of equal points, all.
    """
    found: list[int] = []
    best = float("-inf")
    for at in sorted(range(len(costs)), key=lambda i: (costs[i], -shares[i])):
        same = bool(found) and (costs[at], shares[at]) == (costs[found[-1]], shares[found[-1]])
        if shares[at] > best or same:
            found.append(at)
            best = max(best, shares[at])
    return tuple(found)


def to_markdown(sections: Iterable[Section]) -> str:
    """A table for each section, under the name of its data."""
    lines: list[str] = []
    for section in sections:
        table = rows(section)
        lines += [f"## {_marked(data_text(section.data))}", ""]
        heads = [COLUMNS[at] for at in shown(table)]
        lines += [_line(heads), _line("---:" if name in _RIGHT else "---" for name in heads)]
        lines += [_line(_marked(row.cells()[at]) for at in shown(table)) for row in table]
        lines += ["", "Accuracies in percent of the test images."]
        if any(row.printed is not None and row.printed.moved for row in table):
            lines += ["", "\\* The paper's table has this figure in another row."]
        lines.append("")
    return "\n".join(lines)


def to_csv(sections: Iterable[Section]) -> str:
    """A line for each run; unlike in the other tables, nothing is rounded."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(RUN_COLUMNS)
    table.writerows(run_rows(sections))
    return out.getvalue()


def run_rows(sections: Iterable[Section]) -> Iterator[tuple[Any, ...]]:
    """The values of `RUN_COLUMNS` for each run; None where there is none."""
    for section in sections:
        for row in in_order(section):
            for run in row.group.runs:
                one = run.result
                flip, six, apart = one.test_flip, one.test_six, one.validation
                yield (
                    row.network,
                    one.spec,
                    one.params,
                    one.macs,
                    row.recipe,
                    one.seed,
                    one.recipe.epochs,
                    one.epoch,
                    one.test.correct,
                    None if flip is None else flip.correct,
                    one.test.total,
                    None if apart is None else apart.correct,
                    None if apart is None else apart.total,
                    None if row.printed is None else row.printed.percent,
                    one.train_seconds,
                    one.images_per_second,
                    one.environment.device,
                    one.environment.precision,
                    one.environment.torch,
                    one.data.name,
                    one.data.checksum,
                    one.key,
                    run.folder,
                    None if six is None else six.correct,
                    one.environment.gpu_shared_by,
                )


def _spread(test: Summary) -> tuple[str, str]:
    """The standard deviation and the interval in points; dashes for a single run, which has none."""
    if test.sd is None or test.interval is None:
        return _NONE, _NONE
    low, high = test.interval
    return f"{100 * test.sd:.2f}", f"{100 * low:.2f} to {100 * high:.2f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(text: str) -> str:
    """Text for Markdown, with everything escaped that would be markup."""
    return "".join(f"\\{c}" if c in "\\|[]*_<>`" else c for c in text)
