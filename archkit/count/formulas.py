"""What one layer costs. Every figure is an integer, for one image.

MACs are multiply-accumulates of convolutions and linear layers, the bias not counted; FLOPs are
twice that. Nothing else is ever called MACs here.
"""

from __future__ import annotations

from math import prod

from archkit.plan import KINDS, Layer

__all__ = [
    "conv_params",
    "equation1",
    "layer_activations",
    "layer_equation1",
    "layer_macs",
    "layer_params",
]


def conv_params(kernel: int, c_in: int, c_out: int, *, groups: int = 1, bias: bool = False) -> int:
    """Parameters of a KxK conv: `K * K * c_in / groups * c_out`, and `c_out` with a bias.

    >>> conv_params(3, 64, 128)
    73728
    """
    return kernel * kernel * (c_in // groups) * c_out + (c_out if bias else 0)


def equation1(m: int, n: int, d: int, k: int) -> int:
    """Equation 1 of the paper, as printed: `((m * n * d) + 1) * k`.

    It counts a conv of `k` filters of width `m` and height `n` over `d` channels, with a bias. A
    conv that is followed by a norm usually has none, and the norm's two parameters for each
    channel are left out; nor does it know groups.

    >>> equation1(3, 3, 64, 128)
    73856
    """
    return ((m * n * d) + 1) * k


def layer_params(layer: Layer) -> int:
    """Learnable parameters of a layer; the running statistics of a norm are not among them."""
    row = KINDS[layer.kind]
    if row.weights is None:
        return 0
    return int(row.weights(layer)) + (layer.out_shape[0] if layer.bias else 0)


def layer_macs(layer: Layer) -> int:
    """Multiply-accumulates of a layer for one image, bias not counted."""
    row = KINDS[layer.kind]
    if row.weights is None or row.positions is None:
        return 0
    return int(row.weights(layer) * row.positions(layer))


def layer_activations(layer: Layer) -> int:
    """Elements that a conv or linear layer puts out for one image, as fvcore and pycls count them."""
    return prod(layer.out_shape) if KINDS[layer.kind].positions is not None else 0


def layer_equation1(layer: Layer) -> int:
    """Equation 1's figure for a layer: convs, and a linear layer as a conv over a 1x1 map."""
    arguments = KINDS[layer.kind].equation1
    return 0 if arguments is None else equation1(*arguments(layer))
