"""Networks as pictures: `draw`. It needs no torch, and reads everything off the plan's tree."""

from archkit.drawing.picture import Drawing, draw

__all__ = ["Drawing", "draw"]
