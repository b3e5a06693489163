"""`ModuleKind`: what a kind of layer is in torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from torch import Tensor, nn

from archkit.plan import Layer

__all__ = ["COUNTER", "TORCH", "Attributes", "ModuleKind", "Shapes", "in_torch", "nothing"]

Shapes: TypeAlias = dict[str, tuple[int, ...]]
"""Keys of a `state_dict` and the shapes of their tensors."""

Attributes: TypeAlias = Callable[[Layer], Mapping[str, Any]]
"""The attributes that a layer's module must have, and their values."""

COUNTER: Final = "num_batches_tracked"
"""The tensor in which a batch norm counts the batches that it was trained on: no weight."""

TORCH: Final = "torch.nn.modules."


def nothing(_layer: Layer) -> dict[str, Any]:
    """No attributes, or no tensors."""
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleKind:
    """A row.

    Attributes:
        make: makes the module of a layer. None where a layer joins two inputs: it has no module, and
            the chain that it stands in writes it out.
        types: the full name of every type of module that is this kind of layer, and the attributes in
            which such a module must agree with the layer. They are names, so that neither timm nor
            torchvision is imported. A subclass is another type, since it may compute something else
            (timm's StdConv2d is an nn.Conv2d).
        tensors: the parameters and saved buffers of a layer's module.
        run: calls the module where it does not take the map as it is.
    """

    make: Callable[[Layer], nn.Module] | None
    types: Mapping[str, Attributes] = field(default_factory=dict)
    tensors: Callable[[Layer], Shapes] = nothing
    run: Callable[[nn.Module, Tensor], Tensor] | None = None


def in_torch(*names: str, attributes: Attributes = nothing) -> dict[str, Attributes]:
    """Some types of torch, that must agree in the same attributes."""
    return {TORCH + name: attributes for name in names}
