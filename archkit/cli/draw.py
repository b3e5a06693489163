"""`archkit draw`: a network as a picture, in a file or in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archkit.cli.ignored import refuse
from archkit.cli.specs import Specs

__all__ = ["draw_command"]


def draw_command(
    specs: Specs,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the picture to a file that ends in .svg, .png or .pdf, replacing one there.",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="PIXELS",
            show_default="four networks side by side",
            help="How wide the picture may be; networks that have no room stand below the others.",
        ),
    ] = None,
) -> None:
    """Draw networks: their stages, blocks and shortcuts, and where their parameters, MACs and memory are.

    Several networks are drawn on one scale, and every figure is exact. Without --output the
    terminal shows the same.

    Example: archkit draw resnet10 resnet12 -o networks.svg
    """
    from archkit.cli.render import say, show
    from archkit.drawing import draw

    if output is None:
        refuse("goes with --output", width=width)
        from archkit.cli.drawn import drawn

        show(*drawn(draw(*specs).views))
    else:
        from archkit.drawing.files import check_ending

        check_ending(output)
        draw(*specs, width=width).save(output)
        say(f"written: {output}")
