"""`archkit serve`: archkit for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["serve_command"]


def serve_command(
    mcp: Annotated[
        bool,
        typer.Option(
            "--mcp", help="Speak the Model Context Protocol on standard input and output, for coding agents."
        ),
    ] = False,
) -> None:
    """Offer count, reconcile, enumerate and solve to a coding agent, with typed answers.

    The agent starts this command itself and ends it; docs/mcp.md says how it is told to.

    Example: archkit serve --mcp
    """
    if not mcp:
        raise typer.BadParameter("say what to speak: --mcp")
    from archkit.serving.server import server

    server().run("stdio")
