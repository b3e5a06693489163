"""The argument of the commands that take networks."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from archkit.cli.completion import architectures

__all__ = ["Specs"]

Specs: TypeAlias = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        autocompletion=architectures,
        help='Networks: "[2,1,1,1]x[64,128,256,512]" or a name that `archkit zoo` lists, '
        "followed by options.",
    ),
]
