"""`archkit report`: what a folder of runs shows, on the terminal, as a page and as files."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.cli.render import exact, new_table, show
from archkit.errors import DataError, OutputError

if TYPE_CHECKING:
    from archkit.bench.report import Section

__all__ = ["report_command", "show_sections"]


class FigureFormat(StrEnum):
    """How `--figures` writes them."""

    svg = "svg"
    png = "png"


def report_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="Folders of runs, such as runs/, or runs themselves."),
    ],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page that needs no network.")
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
        FigureFormat, typer.Option("--format", help="Of the charts' files.")
    ] = FigureFormat.svg,
    title: Annotated[str, typer.Option(help="The page's heading.")] = "archkit report",
) -> None:
    """Set finished runs side by side: seeds together, with the paper's figures where it has them.

    Runs that are unfinished or damaged are named and skipped.
    """
    from archkit.bench.report import find_runs, group_runs, to_csv, to_markdown

    if markdown == "-" and csv == "-":
        raise typer.BadParameter("only one of --markdown and --csv can go to standard output")
    found, skipped = find_runs(runs)
    for reason in skipped:
        sys.stderr.write(f"skipped: {reason}\n")
    if not found:
        where = ", ".join(map(str, runs))
        raise DataError(f"no finished run in {where}")
    sections = group_runs(found)
    if html is not None:
        from archkit.bench.report.html import to_html

        _write(html, to_html(sections, title=title))
    if figures is not None:
        from archkit.bench.report.figures import write_figures

        for path in write_figures(sections, figures, format_.value):
            _say_written(path)
    for wanted, text in ((markdown, to_markdown), (csv, to_csv)):
        if wanted == "-":
            sys.stdout.write(text(sections))
        elif wanted is not None:
            _write(Path(wanted), text(sections))
    if "-" not in (markdown, csv):
        show_sections(sections)


def show_sections(sections: Sequence[Section]) -> None:
    """Prints each section as a table, then its exact counts beside what the paper prints."""
    from archkit.bench.report import data_text, rows

    for number, section in enumerate(sections):
        found = rows(section)
        flips = any(row.group.flip is not None for row in found)
        columns = ("n", "mean", "sd", "95% interval", *(("with flips",) if flips else ()), "params", "MACs")
        table = new_table("network", "recipe", *columns, right=columns)
        for row in found:
            network, recipe, n, mean, sd, interval, flip, _, _, params, macs, _ = row.cells()
            table.add_row(network, recipe, n, mean, sd, interval, *((flip,) if flips else ()), params, macs)
        show(*(("",) if number else ()), data_text(section.data), "", table)
        against = any(row.printed is not None for row in found)
        columns = ("correct", *(("paper", "difference") if against else ()))
        counts = new_table("network", "recipe", *columns, right=columns)
        for row in found:
            *_, paper, difference, _, _, _ = row.cells()
            correct = " ".join(exact(n) for n in row.group.correct)
            counts.add_row(row.network, row.recipe, correct, *((paper, difference) if against else ()))
        show("", f"Correct of {exact(found[0].group.total)}, by seed:", "", counts)
        if any(row.printed is not None and row.printed.moved for row in found):
            show("* The paper's table has this figure in another row.")


def _write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    _say_written(path)


def _say_written(path: Path) -> None:
    sys.stderr.write(f"written: {path}\n")
