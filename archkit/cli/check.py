"""`archkit count --as` and `--check`: what other counters print, and whether they really do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from archkit.cli.render import exact, json_line, new_table, show

if TYPE_CHECKING:
    from rich.table import Table

    from archkit.count.tools import Prediction, Tool
    from archkit.nn.crosscheck import ToolCheck
    from archkit.spec import ArchSpec

__all__ = ["show_as", "show_check"]

_DIFFERS = 1  # exit code if a tool reports something else, or fails


def show_as(specs: list[ArchSpec], tool: str, *, as_json: bool) -> None:
    """Print the figures that a tool is predicted to print, and their terms."""
    from archkit.count.tools import predict
    from archkit.plan import layout

    named = _tool(tool)
    for i, spec in enumerate(specs):
        figures = predict(layout(spec), named)
        if as_json:
            json_line({"spec": str(spec), "tool": named.value, "figures": [_as_json(f) for f in figures]})
            continue
        table = new_table(named.value, "figure", right=("figure",), title=str(spec))
        for figure in figures:
            for name, part in figure.terms:
                table.add_row(f"  {name}", exact(part))
            table.add_row(figure.quantity, exact(figure.total), style="bold green", end_section=True)
        show(*([""] if i else []), table)


def show_check(specs: list[ArchSpec], *, tool: str | None, as_json: bool) -> None:
    """Ask the tools, and print what was predicted, what they report, and the difference.

    Raises:
        typer.Exit: a figure differs, or an installed tool failed (exit code 1).
    """
    # Before torch is imported, so that a mistyped name is refused at once.
    tools = None if tool is None else (_tool(tool),)

    from archkit.nn.crosscheck import ASKED, crosscheck

    if tools is not None and tools[0] not in ASKED:
        raise typer.BadParameter(
            f"{tools[0].value} counts only networks that it builds itself; --as without --check predicts it",
            param_hint="--as",
        )
    agree = True
    for i, spec in enumerate(specs):
        checks = crosscheck(spec, tools=ASKED if tools is None else tools)
        agree = agree and all(check.agrees for check in checks)
        if as_json:
            json_line({"spec": str(spec), "tools": [_check_as_json(check) for check in checks]})
        else:
            show(*([""] if i else []), *_render(spec, checks))
    if not agree:
        raise typer.Exit(_DIFFERS)


def _render(spec: ArchSpec, checks: tuple[ToolCheck, ...]) -> list[Any]:
    figures = ("predicted", "reported", "difference")
    table = new_table("tool", "figure", *figures, right=figures, title=str(spec))
    for check in checks:
        _add_rows(table, check)
    notes = [check.failure for check in checks if check.failure is not None]
    absent = [check.tool.value for check in checks if check.version is None]
    if absent:
        notes.append(f"Not installed, and so not asked: {', '.join(absent)}.")
    return [table, *notes]


def _add_rows(table: Table, check: ToolCheck) -> None:
    """A row for each figure of a tool, or one that says that it failed."""
    if check.failure is not None:
        table.add_row(check.tool.value, "failed", "-", "-", "-", style="red", end_section=True)
    for j, figure in enumerate(check.comparisons):
        table.add_row(
            check.tool.value if j == 0 else "",
            figure.quantity,
            exact(figure.predicted),
            exact(figure.reported),
            f"{figure.difference:+,}" if figure.difference else "0",
            style="red" if figure.difference else None,
            end_section=j == len(check.comparisons) - 1,
        )


def _tool(name: str) -> Tool:
    """The tool of this name.

    Raises:
        typer.BadParameter: there is no such tool.
    """
    from archkit.count.tools import Tool

    try:
        return Tool(name)
    except ValueError:
        known = ", ".join(tool.value for tool in Tool)
        raise typer.BadParameter(f"unknown tool {name!r}; known: {known}", param_hint="--as") from None


def _as_json(figure: Prediction) -> dict[str, Any]:
    return {
        "quantity": figure.quantity,
        "total": figure.total,
        "terms": [{"name": name, "figure": part} for name, part in figure.terms],
    }


def _check_as_json(check: ToolCheck) -> dict[str, Any]:
    return {
        "tool": check.tool.value,
        "version": check.version,
        "failure": check.failure,
        "figures": [
            {
                "quantity": figure.quantity,
                "predicted": figure.predicted,
                "reported": figure.reported,
                "difference": figure.difference,
            }
            for figure in check.comparisons
        ],
    }
