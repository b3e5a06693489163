"""Activations: their words in the language, which are also the kinds of their layers."""

from __future__ import annotations

from typing import Final

from archkit.blocks.pen import Pen

__all__ = ["ACTIVATIONS", "activate", "named"]

ACTIVATIONS: Final = ("relu", "relu6", "silu", "hswish", "gelu", "gelu-tanh")
"""The default first. ReLU6 is MobileNet's, SiLU EfficientNet's ("swish"), the hard swish MobileNetV3's, GELU
ConvNeXt's; `gelu-tanh` takes the tanh that comes near to it (Hendrycks and Gimpel 2016)."""


def activate(pen: Pen, kind: str, number: str = "") -> None:
    """Draws an activation: `relu` or `relu1` as ever where it is one, otherwise `act` or `act1`."""
    pen.act(f"{named(kind)}{number}", kind)


def named(kind: str) -> str:
    """How the name of an activation's layer begins."""
    return "relu" if kind == "relu" else "act"
