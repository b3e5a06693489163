"""What the rules of the tools are made of: terms, and the figures of one layer that tools add up.

Every figure is an integer, for one image.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from math import prod
from typing import Final, NamedTuple, TypeAlias

from archkit.count.formulas import layer_macs, layer_params
from archkit.plan import Layer

__all__ = [
    "CONV_BIAS",
    "GROUP_NORM_PARAMS",
    "LAYER_NORM_PARAMS",
    "LAYER_SCALE_PARAMS",
    "LINEAR_BIAS",
    "NORMS_OF_CHANNELS",
    "PARAMS",
    "PARAMS_BUT_SOME_NORMS",
    "STANDARDISATION",
    "LayerFigure",
    "Rule",
    "Term",
    "Tool",
    "all_entered_and_left",
    "an_input",
    "an_output",
    "bias_a_channel",
    "bias_an_output",
    "elements_and_channels",
    "elements_and_positions",
    "entered_and_left",
    "macs",
    "products",
    "weights",
    "window_and_division",
]


class Tool(StrEnum):
    """The tools whose figures are known; ptflops has two backends that count differently."""

    fvcore = "fvcore"
    ptflops = "ptflops"  # its default backend, `pytorch`
    ptflops_aten = "ptflops-aten"
    torchinfo = "torchinfo"
    torch = "torch"  # FlopCounterMode, and the sum of `numel`
    thop = "thop"
    ultralytics_thop = "ultralytics-thop"  # imported as `thop` too, with rules of its own
    torchprofile = "torchprofile"
    deepspeed = "deepspeed"  # its flops profiler
    calflops = "calflops"
    pycls = "pycls"
    keras = "keras"  # the totals of `model.summary()`


class Term(NamedTuple):
    """Something that a tool counts: the layers of some kinds, and the figure of one of them."""

    name: str
    figure: Callable[[Layer], int]
    kinds: tuple[str, ...]


class Rule(NamedTuple):
    """A figure that a tool prints: its name there, and its terms."""

    quantity: str
    terms: tuple[Term, ...]


LayerFigure: TypeAlias = Callable[[Layer], int]
"""What one layer adds to a figure that a tool prints."""


def macs(times: int = 1) -> LayerFigure:
    """Multiply-accumulates, so many times; blur pooling is a conv of one channel a group."""

    def figure(layer: Layer) -> int:
        if layer.kind == "blur_pool":
            return int(times * prod(layer.window) * prod(layer.out_shape))
        return times * layer_macs(layer)

    return figure


def an_output(times: int = 1) -> LayerFigure:
    """So much for each element that the layer puts out."""
    return lambda layer: times * prod(layer.out_shape)


def an_input(times: int = 1) -> LayerFigure:
    """So much for each element that enters."""
    return lambda layer: times * prod(layer.in_shape)


def bias_an_output(layer: Layer) -> int:
    """1 for each element that the layer puts out, where it has a bias."""
    return prod(layer.out_shape) if layer.bias else 0


def bias_a_channel(layer: Layer) -> int:
    """1 for each channel that the layer puts out, where it has a bias."""
    return int(layer.out_shape[0]) if layer.bias else 0


def weights(layer: Layer) -> int:
    """The parameters of a layer, without its bias."""
    return layer_params(layer) - bias_a_channel(layer)


def elements_and_positions(layer: Layer) -> int:
    """2 for each element, and 1 for each position."""
    c, h, w = layer.out_shape
    return int((2 * c + 1) * h * w)


def elements_and_channels(layer: Layer) -> int:
    """1 for each element, 1 for each channel, and 1 for all."""
    c, h, w = layer.out_shape
    return int(c * h * w + c + 1)


def four_a_weight(layer: Layer) -> int:
    """4 for each weight."""
    return 4 * weights(layer)


def window_and_division(layer: Layer) -> int:
    """For each output of a global pooling: the additions over its window, and one division."""
    _, h, w = layer.in_shape
    return int((h * w + 1) * prod(layer.out_shape))


def entered_and_left(layer: Layer) -> int:
    """Each input element that a window holds, and each output element."""
    c, rows, columns = layer.out_shape
    inside = _inside(layer, 0) * _inside(layer, 1)
    return int(c * inside + c * rows * columns)


def _inside(layer: Layer, side: int) -> int:
    """Rows (0) or columns (1) that a pool's windows hold, those of overlaps and of the padding each time.

    A window that begins inside the map and ends beyond it (`ceil`) holds what is there.
    """
    size, windows = layer.in_shape[1 + side], layer.out_shape[1 + side]
    kernel, padding = layer.window[side], layer.margins[side]
    end = size if layer.ceil else size + padding  # here `ceil` also leaves the padding out
    start = 0 if layer.ceil else -padding
    found: int = 0
    for i in range(windows):
        first = i * layer.stride - padding
        found += max(min(first + kernel, end) - max(first, start), 0)
    return found


def all_entered_and_left(layer: Layer) -> int:
    """Each element that enters, and each that the layer puts out."""
    return int(prod(layer.in_shape) + prod(layer.out_shape))


def products(times: int = 1, *, blur: bool, standardised: bool = True) -> tuple[Term, ...]:
    """Convs and the linear layer; whether two kinds of conv are seen differs by tool.

    Args:
        times: for each multiply-add.
        blur: whether the conv inside blur pooling is seen.
        standardised: whether those are whose weights are standardised.
    """
    prefix = "" if times == 1 else f"{times} x "
    seen: tuple[Term, ...] = ()
    if blur:
        seen = (Term(f"{prefix}blur pooling's conv", macs(times), ("blur_pool",)),)
    if standardised:
        seen = (Term(f"{prefix}standardised conv", macs(times), ("std_conv",)), *seen)
    return (
        Term(f"{prefix}conv", macs(times), ("conv", "mix_conv")),
        Term(f"{prefix}conv1d", macs(times), ("conv1d",)),
        *seen,
        Term(f"{prefix}linear", macs(times), ("linear",)),
    )


CONV_BIAS: Final = Term("conv bias", bias_an_output, ("conv", "std_conv"))
STANDARDISATION: Final = Term("standardisation, 4 a weight", four_a_weight, ("std_conv",))
STD_CONV_PARAMS: Final = Term("standardised conv weights", layer_params, ("std_conv",))
LINEAR_BIAS: Final = Term("linear bias", bias_an_output, ("linear",))

PARAMS_BUT_SOME_NORMS: Final = (
    Term("conv weights", weights, ("conv", "mix_conv")),
    Term("conv bias", bias_a_channel, ("conv",)),
    Term("conv1d weights", weights, ("conv1d",)),
    Term("batch norm, 2 a channel", layer_params, ("batch_norm",)),
    Term("linear weights", weights, ("linear",)),
    Term("linear bias", bias_a_channel, ("linear",)),
)
GROUP_NORM_PARAMS: Final = Term("group norm, 2 a channel", layer_params, ("group_norm",))
LAYER_SCALE_PARAMS: Final = Term("layer scale, 1 a channel", layer_params, ("layer_scale",))
NORMS_OF_CHANNELS: Final = (
    Term("RMS norm, 1 a channel", layer_params, ("rms_norm",)),
    Term("simple norm, 1 a channel", layer_params, ("simple_norm",)),
    Term("response norm, 2 a channel", layer_params, ("response_norm",)),
)
LAYER_NORM_PARAMS: Final = Term("layer norm, 2 a channel", layer_params, ("layer_norm",))
# The blurring filter is a buffer, which no tool takes for a parameter.
PARAMS: Final = Rule(
    "params",
    (
        *PARAMS_BUT_SOME_NORMS,
        STD_CONV_PARAMS,
        GROUP_NORM_PARAMS,
        LAYER_NORM_PARAMS,
        *NORMS_OF_CHANNELS,
        LAYER_SCALE_PARAMS,
    ),
)
