"""A drawing as a file: SVG, PNG or PDF. The last two are made of the first, in its light colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from archkit.errors import OutputError
from archkit.files import replacing

__all__ = ["ENDINGS", "check_ending", "write_picture"]

ENDINGS: Final = (".svg", ".png", ".pdf")
"""What a drawing's file may end in."""

_PIXELS: Final = 2.0  # of a PNG for each of the drawing's, so that it is sharp in print
# The one thing in a PDF that is not the same twice; as long as what stands in its place.
_DATE: Final = re.compile(rb"/CreationDate \(D:\d{14}")
_NO_DATE: Final = b"/CreationDate (D:19700101000000"


def check_ending(path: Path) -> str:
    """What a file's name ends in.

    Raises:
        OutputError: no drawing is written to such a file.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise OutputError(f"{path}: a drawing's file ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    return ending


def write_picture(svg: str, path: Path) -> None:
    """Writes an SVG document as what the file's name ends in; a file that is there is replaced.

    Raises:
        OutputError: the ending is none of `ENDINGS`, or the file cannot be written.
        ModuleNotFoundError: PNG and PDF need the package cairosvg, which is not installed.
    """
    made = _made(svg, check_ending(path))
    try:
        with replacing(path) as new:
            new.write_bytes(made)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _made(svg: str, ending: str) -> bytes:
    if ending == ".svg":
        return svg.encode()
    try:
        import cairosvg
    except OSError as error:  # the package is there, and the library that it calls is not
        raise OutputError("PNG and PDF need the library cairo, as libcairo2 of Debian or Ubuntu") from error
    if ending == ".png":
        return bytes(cairosvg.svg2png(bytestring=svg.encode(), scale=_PIXELS))
    return _DATE.sub(_NO_DATE, bytes(cairosvg.svg2pdf(bytestring=svg.encode())))
