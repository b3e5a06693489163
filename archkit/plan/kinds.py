"""The kinds of layer: one row each, for what a layer costs and what memory it takes.

A layer's channels may be integers, integer arrays of one shape or symbols of the closed form, so that
the functions here use only `+ - * //` on them. `archkit.nn.kinds` has the module of each kind, and
`archkit.count.tools.rules` says which of them the other tools count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from archkit.plan.tree import Gate, Layer, Node

__all__ = ["KINDS", "Keeps", "LayerKind", "may_overwrite"]

Keeps: TypeAlias = Literal["input", "output", "own", "nothing", "view"]
"""What autograd keeps of a layer for its backward pass, as torch's derivatives.yaml has it: its `input`;
its `output`, a tensor of its own; its `own` output where that has taken its input's place; or `nothing`.
A `view` keeps nothing and makes no tensor."""


def _once(_layer: Layer) -> int:
    return 1


def _no_bytes(_layer: Layer, _batch: int, _value: int) -> int:
    return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerKind:
    """A row.

    Attributes:
        weights: elements of the weight, biases apart; None where there is none.
        positions: how often each weight is used for one image: the weight's elements times this are the
            layer's MACs. None where a layer is no product, which leaves it out of MACs, activations and
            depth.
        equation1: `(m, n, d, k)` of the paper's Equation 1, of products alone.
        keeps: of a layer in training, for the backward pass.
        more_kept: further bytes that are kept: `more_kept(layer, batch, bytes a value)`.
        buffers: bytes that stay beside the weights: `buffers(layer, bytes a value)`.
        in_place: whether inference runs it in its input's place, folded into the conv before it.
    """

    weights: Callable[[Layer], Any] | None = None
    positions: Callable[[Layer], Any] | None = None
    equation1: Callable[[Layer], tuple[Any, Any, Any, Any]] | None = None
    keeps: Keeps = "input"
    more_kept: Callable[[Layer, int, int], Any] = _no_bytes
    buffers: Callable[[Layer, int], Any] | None = None
    in_place: bool = False


_INDEX_BYTES: Final = 8  # max pooling keeps where each maximum came from, as int64
_BLUR_WINDOW: Final = 3 * 3
_COUNTER_BYTES: Final = 8  # a batch norm counts its batches in one int64


def _conv_weights(layer: Layer) -> Any:
    # KxK x c_in / groups x c_out; the quotient first, since groups divide the channels that enter.
    c_in = layer.in_shape[0]
    each = c_in if isinstance(layer.groups, int) and layer.groups == 1 else c_in // layer.groups
    rows, columns = layer.window
    return rows * columns * each * layer.out_shape[0]


def _mix_weights(layer: Layer) -> Any:
    # Each of n convs has an n-th of the channels, and the first what is left over too.
    n, found = len(layer.kernels), 0
    for i, kernel in enumerate(layer.kernels):
        enter, leave = (c // n + (c - n * (c // n) if i == 0 else 0) for c in _channels(layer))
        dense = isinstance(layer.groups, int) and layer.groups == 1
        found = found + kernel * kernel * leave * (enter if dense else 1)
    return found


def _channels(layer: Layer) -> tuple[Any, Any]:
    return layer.in_shape[0], layer.out_shape[0]


def _area(layer: Layer) -> Any:
    return layer.out_shape[1] * layer.out_shape[2]


def _elements(shape: tuple[Any, ...]) -> Any:
    found = shape[0]
    for size in shape[1:]:
        found = found * size
    return found


def _padded(layer: Layer, batch: int, value: int) -> Any:
    # Blur pooling is a conv over the map with a row and a column more on each side, or over its input.
    if not layer.padding:
        return 0
    c, h, w = layer.in_shape
    return c * (h + 2) * (w + 2) * batch * value


def _scaled(layer: Layer, batch: int, value: int) -> Any:
    # The factor of each position, and the map scaled by it, which the weight's gradient needs.
    return (_elements(layer.in_shape[1:]) + _elements(layer.in_shape)) * batch * value


KINDS: Final[Mapping[str, LayerKind]] = {
    "conv": LayerKind(
        weights=_conv_weights,
        positions=_area,
        equation1=lambda layer: (*layer.window, layer.in_shape[0], layer.out_shape[0]),
    ),
    # The weights that it uses are made anew each time, from each filter's mean and inverse deviation.
    "std_conv": LayerKind(
        weights=_conv_weights,
        positions=_area,
        equation1=lambda layer: (*layer.window, layer.in_shape[0], layer.out_shape[0]),
        more_kept=lambda layer, _batch, value: (_conv_weights(layer) + 2 * layer.out_shape[0]) * value,
    ),
    # Convs side by side; each keeps its part of the input, which is no copy.
    "mix_conv": LayerKind(
        weights=_mix_weights,
        positions=_area,
        equation1=lambda layer: (*layer.window, layer.in_shape[0], layer.out_shape[0]),
    ),
    # Along the channels: efficient channel attention.
    "conv1d": LayerKind(
        weights=lambda layer: layer.kernel,
        positions=lambda layer: layer.out_shape[0],
        equation1=lambda layer: (layer.kernel, 1, 1, 1),
    ),
    "batch_norm": LayerKind(
        weights=lambda layer: 2 * layer.in_shape[0],
        # Mean and inverse deviation of the batch.
        more_kept=lambda layer, _batch, value: 2 * layer.in_shape[0] * value,
        buffers=lambda layer, value: 2 * layer.in_shape[0] * value + _COUNTER_BYTES,
        in_place=True,
    ),
    "group_norm": LayerKind(
        weights=lambda layer: 2 * layer.in_shape[0],
        # The same for each image and group.
        more_kept=lambda layer, batch, value: 2 * layer.groups * batch * value,
        in_place=True,
    ),
    # Of the channels of each position; mean and inverse deviation of each.
    "layer_norm": LayerKind(
        weights=lambda layer: 2 * layer.in_shape[0],
        more_kept=lambda layer, batch, value: 2 * _elements(layer.in_shape[1:]) * batch * value,
        in_place=True,
    ),
    # Of the same, without the mean and the bias: the inverse root of each position, and the map times that.
    "rms_norm": LayerKind(weights=lambda layer: layer.in_shape[0], more_kept=_scaled, in_place=True),
    "simple_norm": LayerKind(weights=lambda layer: layer.in_shape[0], more_kept=_scaled, in_place=True),
    # The norm of each channel over the map, their mean, their ratio and the factor of each channel.
    "response_norm": LayerKind(
        weights=lambda layer: 2 * layer.in_shape[0],
        more_kept=lambda layer, batch, value: (3 * layer.in_shape[0] + 1) * batch * value,
        in_place=True,
    ),
    "relu": LayerKind(keeps="own", in_place=True),
    # Like those that follow it keeps its input: torch keeps a copy of it where it works in place.
    "relu6": LayerKind(in_place=True),
    "silu": LayerKind(in_place=True),
    "hswish": LayerKind(in_place=True),
    "gelu": LayerKind(in_place=True),
    "gelu-tanh": LayerKind(in_place=True),
    "max_pool": LayerKind(
        more_kept=lambda layer, batch, _value: _elements(layer.out_shape) * batch * _INDEX_BYTES
    ),
    "avg_pool": LayerKind(),
    # A fixed binomial 3x3 filter, padded by reflection or not at all.
    "blur_pool": LayerKind(
        more_kept=_padded,
        # The filter of each channel. It depends on nothing, and is neither learned nor saved.
        buffers=lambda layer, value: _BLUR_WINDOW * layer.in_shape[0] * value,
    ),
    # The mean over H and W.
    "global_pool": LayerKind(keeps="nothing"),
    # The same inside a gate, written as a mean.
    "squeeze": LayerKind(keeps="nothing"),
    "sigmoid": LayerKind(keeps="output", in_place=True),
    "hsigmoid": LayerKind(in_place=True),
    # A gate's product with the map: it keeps both factors.
    "scale": LayerKind(keeps="input", in_place=True),
    # Option A of He et al.: every s-th row and column, zeros for the new channels.
    "zero_pad": LayerKind(keeps="nothing"),
    # The product with a learned factor for each channel.
    "layer_scale": LayerKind(weights=lambda layer: layer.in_shape[0], in_place=True),
    # Zeros around the map: as TensorFlow puts them, or on every side.
    "pad": LayerKind(keeps="nothing"),
    # The residual add.
    "add": LayerKind(keeps="nothing", in_place=True),
    "flatten": LayerKind(keeps="view", in_place=True),
    "linear": LayerKind(
        weights=lambda layer: layer.in_shape[0] * layer.out_shape[0],
        positions=_once,
        equation1=lambda layer: (1, 1, layer.in_shape[0], layer.out_shape[0]),
    ),
}
"""Every kind of layer, by its name."""


def may_overwrite(before: Node | None) -> bool:
    """Whether a layer that can work in place may write over what the node before it in its chain puts out.

    At the beginning of a chain it may not: a shortcut or a gate may yet read the map that enters. Nor where
    that node has kept its output: autograd refuses to go back through one that was overwritten.
    """
    if before is None:
        return False
    last = before if isinstance(before, Layer) else before.scale if isinstance(before, Gate) else before.add
    return KINDS[last.kind].keeps in ("input", "nothing")
