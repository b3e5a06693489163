"""The command line: Typer commands and their rendering; no logic of its own."""

from archkit.cli.app import main

__all__ = ["main"]
