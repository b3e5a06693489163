"""`archkit report`: finished runs side by side, on the terminal, as a page and as files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.ignored import refuse
from archkit.cli.render import exact, new_table, say, show
from archkit.errors import DataError, OutputError
from archkit.files import write_text

if TYPE_CHECKING:
    from rich.table import Table

    from archkit.bench.report import Section

__all__ = ["report_command", "show_sections"]


class FigureFormat(StrEnum):
    """The format of the files that `--figures` writes."""

    svg = "svg"
    png = "png"


def report_command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUNS...",
            show_default=False,
            help="Folders of runs, such as runs/, or single runs; none with --compare of two folders.",
        ),
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare",
            metavar="A B",
            help="Compare two networks, each the folder of its runs, or NETWORK or NETWORK@RECIPE among RUNS:"
            " the difference with its interval by the images and by the seeds, and how many seeds would tell"
            " the two apart.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as one JSON object.")] = False,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge",
            help="RUNS are the folders of shards: a run that is in two of them counts once, and is refused if"
            " it came out differently.",
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page that needs no network.")
    ] = None,
    markdown: Annotated[
        str | None, typer.Option("--markdown", metavar="FILE|-", help="Write the tables in Markdown.")
    ] = None,
    csv: Annotated[
        str | None, typer.Option("--csv", metavar="FILE|-", help="Write a line for each run.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write the charts as files.")
    ] = None,
    format_: Annotated[
        FigureFormat | None,
        typer.Option("--format", show_default="svg", help="The format of the charts' files."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(show_default="archkit report", help="The heading of the page.")
    ] = None,
) -> None:
    """Set finished runs side by side, seeds together, beside the paper's figures if it has them.

    Runs that are unfinished or damaged are named and skipped; runs whose weights are gone are named.

    Example: archkit report runs --html report.html, or archkit report --compare runs/A runs/B
    """
    from archkit.bench.report import find_runs, group_runs, to_csv, to_markdown, without_weights

    if compare is not None:
        from archkit.cli.compare import print_comparison

        refuse("does not go with --compare", html=html, markdown=markdown, csv=csv, figures=figures)
        refuse("does not go with --compare", format=format_, title=title, merge=merge)
        print_comparison(*compare, runs or (), as_json=as_json)
        return
    refuse("goes with --compare", json=as_json)
    if not runs:
        raise typer.BadParameter("RUNS is missing: folders such as runs/, or single runs")
    if markdown == "-" and csv == "-":
        raise typer.BadParameter("only one of --markdown and --csv can go to standard output")
    if figures is None:
        refuse("goes with --figures", format=format_)
    if html is None:
        refuse("goes with --html", title=title)
    found, skipped = find_runs(runs, merge=merge)
    for reason in skipped:
        say(f"skipped: {_printable(reason)}")
    if not found:
        where = ", ".join(map(str, runs))
        raise DataError(f"no finished run in {where}")
    if gone := without_weights(found):
        say(_printable(_gone(gone, of=len(found))))
    sections = group_runs(found)
    if html is not None:
        from archkit.bench.report.html import to_html

        _write(html, to_html(sections, title=title or "archkit report"))
    if figures is not None:
        from archkit.bench.report.figures import write_figures

        for path in write_figures(sections, figures, (format_ or FigureFormat.svg).value):
            say(f"written: {path}")
    for wanted, text in ((markdown, to_markdown), (csv, to_csv)):
        if wanted == "-":
            sys.stdout.write(text(sections))
        elif wanted is not None:
            _write(Path(wanted), text(sections))
    if "-" not in (markdown, csv):
        show_sections(sections)


def show_sections(sections: Sequence[Section]) -> None:
    """Prints each section: a table of figures, and a table of exact counts beside the paper's figures.

    If the terminal is too narrow for the first, the networks' costs get a table of their own, and a recipe
    that all rows share is printed above.
    """
    from archkit.bench.report import COLUMNS, data_text, rows, shown

    for number, section in enumerate(sections):
        found = rows(section)
        there = [COLUMNS[at] for at in shown(found)]
        names, costs = ["network", "recipe"], ["params", "MACs"]
        figures = [name for name in there if name not in (*names, *costs, "paper", "difference", "correct")]
        counts = ["correct", *(name for name in there if name in ("paper", "difference"))]
        cells = [dict(zip(COLUMNS, row.cells(), strict=True)) for row in found]
        for row, texts in zip(found, cells, strict=True):
            texts["correct"] = " ".join(exact(n) for n in row.group.correct)
        above = [data_text(section.data)]
        first, second = [*names, *figures, *costs], [*names, *counts]
        if sys.stdout.isatty() and _width(first, cells) > shutil.get_terminal_size().columns:
            if len({row.recipe for row in found}) == 1:
                above.append(f"recipe: {found[0].recipe}")
                names = ["network"]
            first, second = [*names, *figures], [*names, *counts]
        show(*(("",) if number else ()), *above, "", _table(first, cells))
        show("", f"Correct of {exact(found[0].group.total)}, by seed:", "", _table(second, cells))
        if "MACs" not in first:
            once = {texts["network"]: texts for texts in cells}
            show("", _table(["network", *costs], list(once.values())))
        if any(row.printed is not None and row.printed.moved for row in found):
            show("* The paper's table has this figure in another row.")


def _gone(folders: Sequence[Path], *, of: int) -> str:
    """A line about the runs whose weights are gone."""
    which = f"{len(folders):,} of {of:,} runs, the first in" if len(folders) > 1 else "the run in"
    return f"no weights: {which} {folders[0]}; the figures are shown, but nothing can test them again"


def _printable(text: str) -> str:
    """Text in which nothing reaches the terminal but what it shows: a folder may have any name."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _table(columns: Sequence[str], cells: Sequence[Mapping[str, str]]) -> Table:
    table = new_table(*columns, right=tuple(name for name in columns if name not in ("network", "recipe")))
    for texts in cells:
        table.add_row(*(texts[name] for name in columns))
    return table


def _width(columns: Sequence[str], cells: Sequence[Mapping[str, str]]) -> int:
    """How many columns of the terminal a table takes: its texts, with three columns between two of them."""
    each = (max(len(name), *(len(texts[name]) for texts in cells)) for name in columns)
    return sum(each) + 3 * (len(columns) - 1)


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    say(f"written: {path}")
