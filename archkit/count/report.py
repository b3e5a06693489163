"""`count`: a network's whole account, by layer and by part, off its plan."""

from __future__ import annotations

from dataclasses import dataclass

from archkit.count.formulas import layer_activations, layer_equation1, layer_macs, layer_params
from archkit.plan import Layer, layout
from archkit.spec import ArchSpec

__all__ = ["Account", "LayerCost", "PartCost", "count"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCost:
    """A layer and what it costs for one image: parameters, MACs, elements put out."""

    layer: Layer
    params: int
    macs: int
    activations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PartCost:
    """The stem, a stage or the head, with its layers and their sums."""

    name: str
    layers: tuple[LayerCost, ...]
    params: int
    macs: int
    activations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A network's account.

    Attributes:
        spec: the network.
        parts: stem, stages, head.
        params: learnable parameters.
        macs: multiply-accumulates of convs and linear layers for one image, bias not counted.
        activations: elements that they put out for one image.
        params_equation1: the sum of Equation 1 over convs and linear layers.
    """

    spec: ArchSpec
    parts: tuple[PartCost, ...]
    params: int
    macs: int
    activations: int
    params_equation1: int

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """Every layer, in the order of the forward pass."""
        return tuple(layer for part in self.parts for layer in part.layers)


def count(spec: ArchSpec) -> Account:
    """Lays a network out and adds it up.

    >>> from archkit.spec import parse
    >>> account = count(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> account.params, account.macs
    (4977226, 328930304)
    >>> account.parts[4].name, account.parts[4].params / account.params > 0.74
    ('stage4', True)
    """
    plan = layout(spec)
    parts = tuple(_part(name, layers) for name, layers in plan.parts())
    return Account(
        spec=spec,
        parts=parts,
        params=sum(part.params for part in parts),
        macs=sum(part.macs for part in parts),
        activations=sum(part.activations for part in parts),
        params_equation1=sum(layer_equation1(layer) for layer in plan),
    )


def _part(name: str, layers: tuple[Layer, ...]) -> PartCost:
    costs = tuple(
        LayerCost(
            layer=layer,
            params=layer_params(layer),
            macs=layer_macs(layer),
            activations=layer_activations(layer),
        )
        for layer in layers
    )
    return PartCost(
        name=name,
        layers=costs,
        params=sum(c.params for c in costs),
        macs=sum(c.macs for c in costs),
        activations=sum(c.activations for c in costs),
    )
