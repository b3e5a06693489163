"""What the commands share that take figures by tables: `NAME=FILE`, and the form to be filled in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from archkit.cli.render import exact, show
from archkit.files import is_there

if TYPE_CHECKING:
    from archkit.spec import SearchSpace

__all__ = ["LATENCY", "Latency", "Tables", "named_tables", "own_limits", "write_form"]

LATENCY: Final = "latency"
"""The name of the figure that `--latency FILE` gives."""

Tables: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--table",
        metavar="NAME=FILE",
        help="A figure of your own that is a sum over blocks: a CSV or Parquet file says what each costs.",
    ),
]
Latency: TypeAlias = Annotated[
    str | None,
    typer.Option("--latency", metavar="FILE", help="The same as --table latency=FILE."),
]


def named_tables(tables: Iterable[str], latency: str | None) -> dict[str, str]:
    """The paths of tables by the names of their figures.

    Raises:
        typer.BadParameter: one is not `NAME=FILE`, or a name is there twice.
    """
    given = [*tables, *([f"{LATENCY}={latency}"] if latency is not None else [])]
    return dict(_pairs(given, "--table", "FILE"))


def own_limits(upper: Iterable[str], lower: Iterable[str]) -> dict[str, str]:
    """The limits of `--max NAME=VALUE` and `--min NAME=VALUE`, by key.

    Raises:
        typer.BadParameter: one is not `NAME=VALUE`, or a name is there twice.
    """
    found = {}
    for side, given in (("max", upper), ("min", lower)):
        found.update({f"{side}_{name}": text for name, text in _pairs(given, f"--{side}", "VALUE")})
    return found


def _pairs(given: Iterable[str], option: str, what: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not (name and equals and value.strip()):
            raise typer.BadParameter(f"{option} is NAME={what}, not {text!r}")
        if name in dict(found):
            raise typer.BadParameter(f"{option} has {name.replace('_', '-')} twice")
        found.append((name, value.strip()))
    return found


def write_form(space: SearchSpace, path: Path, *, force: bool) -> None:
    """Write a table of all blocks that a space can have, whose costs are to be filled in.

    Raises:
        OutputError: the file is there already and `force` is False, or cannot be written.
        BudgetError: the blocks are too many.
    """
    from archkit.budget import blocks_of_space, write_table
    from archkit.errors import OutputError

    if is_there(path) and not force:
        raise OutputError(f"{path} is there already; --force replaces it")
    blocks = blocks_of_space(space)
    write_table(path, blocks, "cost", [""] * len(blocks))
    show(f"{exact(len(blocks))} blocks written to {path}; the column cost is to be filled in")
