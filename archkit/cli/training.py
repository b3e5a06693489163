"""What the commands that train and test share: options, and the changes that options make to a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = ["Cache", "Device", "changes_of"]

Device: TypeAlias = Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda or cuda:N.")]
Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where data sets are kept; unless given, $ARCHKIT_CACHE or archkit in your cache folder.",
    ),
]


def changes_of(
    *, epochs: int | None, batch_size: int | None, lr: float | None, others: list[str]
) -> list[tuple[str, object]]:
    """What the options change in a recipe."""
    changes: list[tuple[str, object]] = [
        (key, value)
        for key, value in (("epochs", epochs), ("batch_size", batch_size), ("optimizer.lr", lr))
        if value is not None
    ]
    for text in others:
        key, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set takes KEY=VALUE, not {text!r}")
        changes.append((key.strip(), value.strip()))
    return changes
