"""`count`: a network's whole account, by layer and by part, off its plan."""

from __future__ import annotations

from dataclasses import dataclass

from archkit.count.formulas import layer_activations, layer_equation1, layer_macs, layer_params
from archkit.plan import KINDS, Layer, Plan, layers_of, layout, main_path
from archkit.spec import ArchSpec

__all__ = ["Account", "LayerCost", "PartCost", "count", "depth", "receptive_field"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCost:
    """A layer and what it costs for one image: parameters, MACs, elements put out."""

    layer: Layer
    params: int
    macs: int
    activations: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PartCost:
    """The stem, a stage or the head (or all layers of one kind), with its layers and their sums."""

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
        receptive_field: rows of the input that one cell of the last map sees, along the residual
            branches; the padding is not taken off.
        depth: convs and linear layers one behind another, shortcuts and attention not counted.
    """

    spec: ArchSpec
    parts: tuple[PartCost, ...]
    params: int
    macs: int
    activations: int
    params_equation1: int
    receptive_field: int
    depth: int

    @property
    def layers(self) -> tuple[LayerCost, ...]:
        """Every layer, in the order of the forward pass."""
        return tuple(layer for part in self.parts for layer in part.layers)

    def by_operator(self) -> tuple[PartCost, ...]:
        """The same account by kind of layer, in the order in which the kinds first occur."""
        kinds: dict[str, list[LayerCost]] = {}
        for cost in self.layers:
            kinds.setdefault(cost.layer.kind, []).append(cost)
        return tuple(_sum(kind, tuple(costs)) for kind, costs in kinds.items())

    def equation1_terms(self) -> tuple[tuple[str, int], ...]:
        """What leads from Equation 1's figure to the truth: `params_equation1` + the terms = `params`."""
        norm = bias = groups = 0
        for cost in self.layers:
            layer = cost.layer
            if layer.kind in ("batch_norm", "group_norm"):
                norm += cost.params
            elif layer.kind in ("conv", "conv1d"):
                bias += 0 if layer.bias else layer.out_shape[0] if layer.kind == "conv" else 1
                dense = layer_equation1(layer) - (layer.out_shape[0] if layer.kind == "conv" else 1)
                groups += dense - (cost.params - (layer.out_shape[0] if layer.bias else 0))
        terms = (
            ("norm, 2 for each channel", norm),
            ("the bias it counts where a conv has none", -bias),
            ("grouped convs, which it takes for dense ones", -groups),
        )
        return tuple(term for term in terms if term[1])


def count(spec: ArchSpec | str) -> Account:
    """Lays a network out and adds it up.

    >>> from archkit.spec import parse
    >>> account = count(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> account.params, account.macs
    (4977226, 328930304)
    >>> account.parts[4].name, round(account.parts[4].params / account.params, 2)
    ('stage4', 0.74)
    """
    plan = layout(spec)
    parts = tuple(_part(name, tuple(layers_of(nodes))) for name, nodes in plan.parts())
    return Account(
        spec=plan.spec,
        parts=parts,
        params=sum(part.params for part in parts),
        macs=sum(part.macs for part in parts),
        activations=sum(part.activations for part in parts),
        params_equation1=sum(layer_equation1(layer) for layer in plan),
        receptive_field=receptive_field(plan),
        depth=depth(plan),
    )


def depth(plan: Plan) -> int:
    """Convs and linear layers one behind another, shortcuts and attention not counted."""
    return sum(
        KINDS[layer.kind].positions is not None for _, nodes in plan.parts() for layer in main_path(nodes)
    )


def receptive_field(plan: Plan) -> int:
    """Rows of the input that one cell of the last stage's map sees, along the residual branches.

    Each conv or pool of kernel K adds `(K - 1)` times the product of the strides before it
    (Araujo et al. 2019, equation 2). Attention sees everything and is left out.
    """
    rows = jump = 1
    for layer in main_path(node for name, nodes in plan.parts() if name != "head" for node in nodes):
        if layer.kernel:
            rows += (layer.kernel - 1) * jump
            jump *= layer.stride
    return rows


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
    return _sum(name, costs)


def _sum(name: str, costs: tuple[LayerCost, ...]) -> PartCost:
    return PartCost(
        name=name,
        layers=costs,
        params=sum(c.params for c in costs),
        macs=sum(c.macs for c in costs),
        activations=sum(c.activations for c in costs),
    )
