"""Writes the drawings of the pages, `docs/pictures/*.svg`: `python docs/pictures.py`.

A test holds each to what `archkit draw` draws today.
"""

from __future__ import annotations

from pathlib import Path

from archkit.drawing import draw

FOLDER = Path(__file__).with_name("pictures")
_TWO = ("resnet10", "[4,1,1,1]x[144,176,288,304]")
_NARROW = 390
PICTURES = {
    "two": draw(*_TWO),
    "two-narrow": draw(*_TWO, width=_NARROW),
    "families": draw("resnet50", "mobilenetv2_100", "convnext_tiny"),
}

if __name__ == "__main__":
    for name, drawing in PICTURES.items():
        drawing.save(FOLDER / f"{name}.svg")
