"""`count`: a network's whole account, by layer and by part, off its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archkit.count.formulas import layer_activations, layer_equation1, layer_macs, layer_params
from archkit.html_tables import html_table
from archkit.plan import KINDS, Layer, Plan, layers_of, layout, main_path
from archkit.spec import ArchSpec, as_spec

__all__ = ["Account", "LayerCost", "PartCost", "count", "depth", "receptive_field"]

_NONE_FOLDED: Final[Mapping[str, int]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerCost:
    """A layer and what it costs for one image: parameters, MACs, elements put out.

    `times` is 1, or the number of identical layers that it stands for; the figures are those of all of them.
    """

    layer: Layer
    params: int
    macs: int
    activations: int
    times: int = 1


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
        depth: convs and linear layers on the main path: shortcuts and attention are not counted.
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

    def _repr_html_(self) -> str:
        """The parts and their sums, in a notebook."""
        rows = []
        for part in self.parts:
            if part.layers:
                out = "x".join(map(str, part.layers[-1].layer.out_shape))
                rows.append((part.name, out, part.params, part.macs, part.activations))
        return html_table(
            ("part", "output", "params", "MACs", "activations"),
            [*rows, ("total", "", self.params, self.macs, self.activations)],
            caption=str(self.spec),
            total=True,
        )

    def equation1_terms(self) -> tuple[tuple[str, int], ...]:
        """What leads from Equation 1's figure to the truth: `params_equation1` + the terms = `params`."""
        norm = one = scale = bias = groups = 0
        for cost in self.layers:
            layer = cost.layer
            if layer.kind in ("rms_norm", "simple_norm"):
                one += cost.params
            elif layer.kind.endswith("_norm"):
                norm += cost.params  # of all that it stands for
            elif layer.kind == "layer_scale":
                scale += cost.params
            elif layer.kind in ("conv", "std_conv", "mix_conv", "conv1d", "linear"):
                of_one = cost.params // cost.times
                filters = 1 if layer.kind == "conv1d" else layer.out_shape[0]
                bias += cost.times * (0 if layer.bias else filters)
                dense = layer_equation1(layer) - filters
                groups += cost.times * (dense - (of_one - (filters if layer.bias else 0)))
        terms = (
            ("norm, 2 for each channel", norm),
            ("norm without a bias, 1 for each channel", one),
            ("layer scale, 1 for each channel", scale),
            ("the bias it counts where a conv has none", -bias),
            ("grouped convs, which it takes for dense ones", -groups),
        )
        return tuple(term for term in terms if term[1])


def count(spec: ArchSpec | str, *, fold: int | None = None) -> Account:
    """Lays a network out and adds it up.

    Args:
        spec: the network, or its text.
        fold: in stages of more blocks than this (2 or more), the blocks from the second on, which are
            identical, are laid out once, as `stage1.block2`.

    >>> from archkit.spec import parse
    >>> account = count(parse("[2,1,1,1]x[64,128,256,512]"))
    >>> account.params, account.macs
    (4977226, 328930304)
    >>> account.parts[4].name, round(account.parts[4].params / account.params, 2)
    ('stage4', 0.74)
    """
    spec = as_spec(spec)
    folded = [fold is not None and n > fold for n in spec.blocks]
    times = {f"stage{i + 1}.block2": n - 1 for i, n in enumerate(spec.blocks) if folded[i]}
    few = [2 if once else n for n, once in zip(spec.blocks, folded, strict=True)]
    plan = layout(spec.replace(blocks=few) if times else spec)
    parts = tuple(_part(name, tuple(layers_of(nodes)), times) for name, nodes in plan.parts())
    return Account(
        spec=spec,
        parts=parts,
        params=sum(part.params for part in parts),
        macs=sum(part.macs for part in parts),
        activations=sum(part.activations for part in parts),
        params_equation1=sum(
            cost.times * layer_equation1(cost.layer) for part in parts for cost in part.layers
        ),
        receptive_field=receptive_field(plan, times),
        depth=depth(plan, times),
    )


def depth(plan: Plan, times: Mapping[str, int] = _NONE_FOLDED) -> int:
    """Convs and linear layers on the main path: shortcuts and attention are not counted.

    `times` says how many blocks some blocks stand for, by name.
    """
    return sum(
        _times(layer, times) * (KINDS[layer.kind].positions is not None)
        for _, nodes in plan.parts()
        for layer in main_path(nodes)
    )


def receptive_field(plan: Plan, times: Mapping[str, int] = _NONE_FOLDED) -> int:
    """Rows of the input that one cell of the last stage's map sees, along the residual branches.

    Each conv or pool of kernel K adds `(K - 1)`, times its dilation, times the product of the strides before
    it (Araujo et al. 2019, equation 2). Attention sees everything and is left out.
    """
    rows = jump = 1
    for layer in main_path(node for name, nodes in plan.parts() if name != "head" for node in nodes):
        if layer.kernel and layer.kind != "pad":  # the conv behind a padding has its windows
            rows += _times(layer, times) * (layer.window[0] - 1) * layer.dilation * jump
            jump *= layer.stride
    return rows


def _times(layer: Layer, times: Mapping[str, int]) -> int:
    """How many layers one stands for."""
    return times.get(".".join(layer.name.split(".")[:2]), 1) if times else 1


def _part(name: str, layers: tuple[Layer, ...], times: Mapping[str, int]) -> PartCost:
    costs = tuple(
        LayerCost(
            layer=layer,
            params=n * layer_params(layer),
            macs=n * layer_macs(layer),
            activations=n * layer_activations(layer),
            times=n,
        )
        for layer in layers
        for n in (_times(layer, times),)
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
