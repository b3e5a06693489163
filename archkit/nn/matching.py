"""Whether a module does what a layer of a plan says: its type, and every attribute that matters."""

from __future__ import annotations

from typing import Final

from torch import nn

from archkit.nn.kinds import MODULES
from archkit.plan import Layer

__all__ = ["INERT", "mismatch", "type_name"]

INERT: Final = {
    "torch.nn.modules.linear.Identity",
    "torch.nn.modules.dropout.Dropout",
    "torch.nn.modules.dropout.Dropout2d",
    "timm.layers.drop.DropPath",
    "timm.layers.drop.DropBlock2d",
}
"""What changes nothing in eval mode and has no parameters. The language has no word for dropout."""


def type_name(module: nn.Module) -> str:
    """The full name of a module's type."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def mismatch(layer: Layer, module: nn.Module) -> str | None:
    """What keeps `module` from being `layer`, in words that follow the module's name, or None."""
    attributes = MODULES[layer.kind].types.get(type_name(module))
    if attributes is None:
        return f"is {type(module).__name__} where a {layer.kind} is expected"
    for name, value in attributes(layer).items():
        came = getattr(module, name)
        if name == "bias":
            came = came is not None
        elif isinstance(value, tuple) and isinstance(came, int):
            came = (came,) * len(value)  # torch takes one number for all sides
        if came != value:
            return f"has {name} {_said(came)}, expected {_said(value)}"
    return None


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if value is None or isinstance(value, bool):
        return {True: "on", False: "off", None: "none"}[value]
    return str(value)
