"""What a drawing shows of a block: a row for each layer that changes a map, and each sum.

Norms and activations have no row: they leave a map's shape as it is and follow from the family. The rest is
read off the plan's tree, so that a family that is added is drawn without a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from archkit.blocks.sides import by_sides
from archkit.plan import KINDS, Gate, Layer, Node, Residual, layers_of

__all__ = ["Bar", "BarShape", "Join", "Row", "Shortcut", "Split", "rows"]

Shortcut: TypeAlias = Literal["identity", "projection", "padding", "pooling"]
"""What stands on a shortcut: nothing; a conv; option A's zeros; a pooling alone."""

BarShape: TypeAlias = Literal["dense", "grouped", "pool", "gate"]
"""How a bar is drawn."""


class Bar(NamedTuple):
    """A layer, or a gate.

    label: what it is, as `3x3, 64`.
    shape: how it is drawn.
    width: channels that it puts out.
    """

    label: str
    shape: BarShape
    width: int


class Split(NamedTuple):
    """Where a shortcut leaves the main path. `depth` is how many shortcuts lie inside it."""

    depth: int


class Join(NamedTuple):
    """The sum, where a shortcut comes back.

    labels: what the shortcut is, a line for each of its layers, as `+ 1x1, 128 /2`.
    shortcut: its kind.
    depth: as of its `Split`.
    width: channels of the sum.
    """

    labels: tuple[str, ...]
    shortcut: Shortcut
    depth: int
    width: int


Row: TypeAlias = Bar | Split | Join


def rows(nodes: Iterable[Node]) -> tuple[Row, ...]:
    """The rows of a chain, in the order of the forward pass.

    >>> from archkit.plan import layout
    >>> for row in rows(layout("[1,1]x[64,128]").stages[1].blocks[0].nodes):
    ...     print(row)
    Split(depth=0)
    Bar(label='3x3, 128 /2', shape='dense', width=128)
    Bar(label='3x3, 128', shape='dense', width=128)
    Join(labels=('+ 1x1, 128 /2',), shortcut='projection', depth=0, width=128)
    """
    return tuple(_rows(nodes))


def _rows(nodes: Iterable[Node]) -> Iterator[Row]:
    for node in nodes:
        if isinstance(node, Layer):
            bar = _bar(node)
            if bar is not None:
                yield bar
        elif isinstance(node, Gate):
            yield Bar(_gate_label(node), "gate", _channels(node.scale))
        else:
            inside = rows(node.body)
            depth = max((row.depth + 1 for row in inside if isinstance(row, Split)), default=0)
            yield Split(depth)
            yield from inside
            yield Join(*_shortcut(node), depth, _channels(node.add))


def _channels(layer: Layer) -> int:
    return int(layer.out_shape[0])


def _bar(layer: Layer) -> Bar | None:
    label = _LABELS.get(layer.kind)
    if label is not None:
        shape: BarShape = (
            "pool" if layer.kind in (*_POOLS, "global_pool") else "grouped" if layer.groups > 1 else "dense"
        )
        return Bar(label(layer), shape, _channels(layer))
    if KINDS[layer.kind].positions is None:
        return None
    return Bar(f"{layer.kind}, {_channels(layer)}", "dense", _channels(layer))


def _window(layer: Layer, what: str = "") -> str:
    return f"{by_sides(layer.kernel)}{what}"


def _stride(layer: Layer) -> str:
    return f" /{layer.stride}" if layer.stride > 1 else ""


def _conv(layer: Layer) -> str:
    groups, out = layer.groups, _channels(layer)
    depthwise = groups > 1 and groups == layer.in_shape[0] == out
    how = " dw" if depthwise else f" g{groups}" if groups > 1 else ""
    how += f" d{layer.dilation}" if layer.dilation > 1 else ""
    return f"{_window(layer, how)}, {out}{_stride(layer)}"


_POOLS: Final = {"max_pool": " max", "avg_pool": " mean", "blur_pool": " blur"}
_LABELS: Final[Mapping[str, Callable[[Layer], str]]] = {
    "conv": _conv,
    "linear": lambda layer: f"linear, {_channels(layer)}",
    "global_pool": lambda _: "global mean",
    **dict.fromkeys(_POOLS, lambda layer: _window(layer, _POOLS[layer.kind]) + _stride(layer)),
    "zero_pad": lambda layer: f"zeros{_stride(layer)}",
}


def _gate_label(gate: Gate) -> str:
    """`gate of 16`: squeeze-and-excitation to 16 channels; `gate, 5 wide`: along the channels."""
    found = [layer for layer in layers_of(gate.factors) if KINDS[layer.kind].positions is not None]
    if len(found) == 1 and found[0].kind == "conv1d":
        return f"gate, {found[0].kernel} wide"
    return f"gate of {min(map(_channels, found))}" if found else "gate"


def _shortcut(node: Residual) -> tuple[tuple[str, ...], Shortcut]:
    layers = list(layers_of(node.shortcut))
    kinds = {layer.kind for layer in layers}
    said = [label(layer) for layer in layers for label in (_LABELS.get(layer.kind),) if label is not None]
    kind: Shortcut = "identity"
    if any(KINDS[one].positions is not None for one in kinds):
        kind = "projection"
    elif "zero_pad" in kinds:
        kind = "padding"
    elif said:
        kind = "pooling"
    first, *others = said or ["identity"]
    return (f"+ {first}", *others), kind
