"""The rules of each tool: which layers it counts, and for how much.

They are read off the tools' source and hold for the modules that `archkit.nn.build` makes, in eval
mode. Where a figure depends on how a module is written, the comment says which way it is written
here; docs/rosetta.md has what other ways give. Every figure is an integer, for one image.

Sources: fvcore 0.1.5.post20221221, ptflops 0.7.5, torchinfo 1.8.0, thop 0.1.1.post2209072238,
ultralytics-thop 2.2.3, torchprofile 0.1.0, deepspeed 0.19.8, calflops 0.3.2, pycls 0.1.1, torch 2.15.0.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from math import prod
from typing import Final, NamedTuple

from archkit.count.formulas import layer_macs, layer_params
from archkit.plan import Layer

__all__ = ["NOT_IN_PYCLS", "RULES", "Rule", "Term", "Tool"]


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


class Term(NamedTuple):
    """Something that a tool counts: the layers of some kinds, and the figure of one of them."""

    name: str
    figure: Callable[[Layer], int]
    kinds: tuple[str, ...]


class Rule(NamedTuple):
    """A figure that a tool prints: its name there, and its terms."""

    quantity: str
    terms: tuple[Term, ...]


_Figure = Callable[[Layer], int]


def _macs(times: int = 1) -> _Figure:
    """Multiply-accumulates, so many times; blur pooling is a conv of one channel a group."""

    def figure(layer: Layer) -> int:
        if layer.kind == "blur_pool":
            return int(times * layer.kernel * layer.kernel * prod(layer.out_shape))
        return times * layer_macs(layer)

    return figure


def _an_output(times: int = 1) -> _Figure:
    """So much for each element that the layer puts out."""
    return lambda layer: times * prod(layer.out_shape)


def _an_input(times: int = 1) -> _Figure:
    """So much for each element that enters."""
    return lambda layer: times * prod(layer.in_shape)


def _bias_an_output(layer: Layer) -> int:
    return prod(layer.out_shape) if layer.bias else 0


def _bias_a_channel(layer: Layer) -> int:
    return int(layer.out_shape[0]) if layer.bias else 0


def _weights(layer: Layer) -> int:
    return layer_params(layer) - _bias_a_channel(layer)


def _window_and_division(layer: Layer) -> int:
    _, h, w = layer.in_shape
    return int((h * w + 1) * prod(layer.out_shape))


def _entered_and_left(layer: Layer) -> int:
    """Each input element that a window holds, and each output element."""
    _, h, w = layer.in_shape
    c, rows, columns = layer.out_shape
    inside = _inside(layer, h, rows) * _inside(layer, w, columns)
    return int(c * inside + c * rows * columns)


def _inside(layer: Layer, size: int, windows: int) -> int:
    """Rows that the windows of a pool hold, those of overlaps and of the padding each time.

    A window that begins inside the map and ends beyond it (`ceil`) holds what is there.
    """
    end = size if layer.ceil else size + layer.padding  # here `ceil` also leaves the padding out
    start = 0 if layer.ceil else -layer.padding
    found: int = 0
    for i in range(windows):
        first = i * layer.stride - layer.padding
        found += max(min(first + layer.kernel, end) - max(first, start), 0)
    return found


def _all_entered_and_left(layer: Layer) -> int:
    return int(prod(layer.in_shape) + prod(layer.out_shape))


def _products(times: int = 1, *, blur: bool) -> tuple[Term, ...]:
    """Convs and the linear layer; whether the conv inside blur pooling is seen differs by tool."""
    prefix = "" if times == 1 else f"{times} x "
    seen = (Term(f"{prefix}blur pooling's conv", _macs(times), ("blur_pool",)),) if blur else ()
    return (
        Term(f"{prefix}conv", _macs(times), ("conv",)),
        Term(f"{prefix}conv1d", _macs(times), ("conv1d",)),
        *seen,
        Term(f"{prefix}linear", _macs(times), ("linear",)),
    )


_CONV_BIAS: Final = Term("conv bias", _bias_an_output, ("conv",))
_LINEAR_BIAS: Final = Term("linear bias", _bias_an_output, ("linear",))

_PARAMS_BUT_GROUP_NORM: Final = (
    Term("conv weights", _weights, ("conv",)),
    Term("conv bias", _bias_a_channel, ("conv",)),
    Term("conv1d weights", _weights, ("conv1d",)),
    Term("batch norm, 2 a channel", layer_params, ("batch_norm",)),
    Term("linear weights", _weights, ("linear",)),
    Term("linear bias", _bias_a_channel, ("linear",)),
)
_GROUP_NORM_PARAMS: Final = Term("group norm, 2 a channel", layer_params, ("group_norm",))
# The blurring filter is a buffer, which no tool takes for a parameter.
_PARAMS: Final = Rule("params", (*_PARAMS_BUT_GROUP_NORM, _GROUP_NORM_PARAMS))

_FVCORE: Final = (
    # nn/flop_count.py, _DEFAULT_SUPPORTED_OPS, and nn/jit_handles.py. Operators of the traced graph,
    # so the functional conv of blur pooling is seen; biases are not counted.
    Rule(
        "flops",
        (
            *_products(blur=True),
            # batchnorm_flop_jit: 2 with weight and bias in eval mode (5 in train mode).
            Term("batch norm, 2 an element", _an_output(2), ("batch_norm",)),
            Term("group norm, 5 an element", _an_output(5), ("group_norm",)),
            # aten::adaptive_avg_pool2d; other pools and means are unsupported operators and count nothing.
            Term("global pooling, 1 an input element", _an_input(), ("global_pool",)),
        ),
    ),
    # nn/activation_count.py, _DEFAULT_SUPPORTED_OPS.
    Rule(
        "activations",
        (
            Term("conv outputs", _an_output(), ("conv",)),
            Term("conv1d outputs", _an_output(), ("conv1d",)),
            Term("blur pooling outputs", _an_output(), ("blur_pool",)),
            Term("linear outputs", _an_output(), ("linear",)),
        ),
    ),
)

_PTFLOPS: Final = (
    # pytorch_ops.py, MODULES_MAPPING (by exact type) and FUNCTIONAL_MAPPING. ReLU and the pools are
    # counted twice: once as a module, once as the function that the module calls. F.conv2d is not
    # among the functions, so blur pooling counts nothing.
    Rule(
        "macs",
        (
            *_products(blur=False),
            _CONV_BIAS,
            _LINEAR_BIAS,
            Term("batch norm, 2 an element", _an_output(2), ("batch_norm",)),
            Term("group norm, 2 an element", _an_output(2), ("group_norm",)),
            Term("ReLU, 2 an element", _an_output(2), ("relu",)),
            Term("max pooling, 2 an input element", _an_input(2), ("max_pool",)),
            Term("average pooling, 2 an input element", _an_input(2), ("avg_pool",)),
            Term("global pooling, 2 an input element", _an_input(2), ("global_pool",)),
        ),
    ),
    _PARAMS,
)

_PTFLOPS_ATEN: Final = (
    # aten_ops.py, ATEN_OPS_MAPPING: convolution with its bias, and addmm with its bias.
    Rule("macs", (*_products(blur=True), _CONV_BIAS, _LINEAR_BIAS)),
    _PARAMS,
)

_TORCHINFO: Final = (
    # layer_info.py, LayerInfo.calculate_macs: a module's own weight and bias, for each position of
    # the output where the class is called Conv..., and once otherwise. So a norm counts its parameters.
    Rule(
        "mult-adds",
        (
            *_products(blur=False),
            _CONV_BIAS,
            _LINEAR_BIAS,
            Term("batch norm, 2 a channel", layer_params, ("batch_norm",)),
            _GROUP_NORM_PARAMS,
        ),
    ),
    _PARAMS,
    Rule("trainable params", _PARAMS.terms),
)

_TORCH: Final = (
    # torch/utils/flop_counter.py, conv_flop_count and addmm_flop: 2 for each multiply-add, no bias.
    Rule("flops", _products(2, blur=True)),
    _PARAMS,
    Rule("trainable params", _PARAMS.terms),
)

_THOP: Final = (
    # profile.py, register_hooks, and vision/basic_hooks.py. By exact type of module; nn.GroupNorm is
    # not among them.
    Rule(
        "macs",
        (
            *_products(blur=False),
            # count_normalization: twice calculate_norm, which is already 2 an element.
            Term("batch norm, 4 an element", _an_output(4), ("batch_norm",)),
            Term("average pooling, 1 an output element", _an_output(), ("avg_pool",)),
            # count_adap_avgpool: the window's additions and one division for each output.
            Term(
                "global pooling, H x W + 1 an output element",
                _window_and_division,
                ("global_pool",),
            ),
        ),
    ),
    Rule("params", _PARAMS_BUT_GROUP_NORM),
)

_ULTRALYTICS_THOP: Final = (
    # profile.py, register_hooks, and vision/basic_hooks.py. By type of module or a parent of it, so group
    # norm is known; the convs of channel attention too. A functional conv is not among what it sees.
    Rule(
        "macs",
        (
            *_products(blur=False),
            # count_normalization: twice calculate_norm, which is already 2 an element.
            Term("batch norm, 4 an element", _an_output(4), ("batch_norm",)),
            Term("group norm, 4 an element", _an_output(4), ("group_norm",)),
            # count_avgpool: an addition for each element in a window, a division for each output.
            Term(
                "average pooling, 1 a window element + 1 an output element", _entered_and_left, ("avg_pool",)
            ),
            # count_adap_avgpool: the same, of one window that is the whole map.
            Term(
                "global pooling, 1 an input element + 1 an output element",
                _all_entered_and_left,
                ("global_pool",),
            ),
        ),
    ),
    _PARAMS,
)

_TORCHPROFILE: Final = (
    # handlers.py, HANDLER_MAP. Operators of the traced graph, so the functional conv of blur pooling, the
    # mean and the product of channel attention are seen; biases are not counted.
    Rule(
        "macs",
        (
            *_products(blur=True),
            Term("batch norm, 1 an element", _an_output(), ("batch_norm",)),
            Term("group norm, 1 an element", _an_output(), ("group_norm",)),
            Term("average pooling, 1 an output element", _an_output(), ("avg_pool",)),
            Term("global pooling, 1 an output element", _an_output(), ("global_pool",)),
            Term("mean of channel attention, 1 an output element", _an_output(), ("squeeze",)),
            Term("product of channel attention, 1 an element", _an_output(), ("scale",)),
        ),
    ),
)

_DEEPSPEED: Final = (
    # profiling/flops_profiler/profiler.py, _patch_functionals and _patch_tensor_methods: functions, whichever
    # module calls them. An operator such as `x * y` is none of them.
    Rule("macs", _products(blur=True)),
    Rule(
        "flops",
        (
            *_products(2, blur=True),
            _CONV_BIAS,
            Term("batch norm, 2 an element", _an_output(2), ("batch_norm",)),
            Term("group norm, 5 an element", _an_output(5), ("group_norm",)),
            Term("ReLU, 1 an element", _an_output(), ("relu",)),
            Term("max pooling, 1 an input element", _an_input(), ("max_pool",)),
            Term("average pooling, 1 an input element", _an_input(), ("avg_pool",)),
            Term("global pooling, 1 an input element", _an_input(), ("global_pool",)),
        ),
    ),
    _PARAMS,
)

_CALFLOPS: Final = (
    # pytorch_ops.py, _patch_functionals: functions, whichever module calls them.
    Rule("macs", _products(blur=True)),
    Rule(
        "flops",
        (
            *_products(2, blur=True),
            _CONV_BIAS,
            Term("batch norm, 2 an element", _an_output(2), ("batch_norm",)),
            Term("group norm, 5 an element", _an_output(5), ("group_norm",)),
            Term("ReLU, 1 an element", _an_output(), ("relu",)),
            Term("max pooling, 1 an input element", _an_input(), ("max_pool",)),
            Term("average pooling, 1 an input element", _an_input(), ("avg_pool",)),
            Term("global pooling, 1 an input element", _an_input(), ("global_pool",)),
        ),
    ),
    _PARAMS,
)

_PYCLS: Final = (
    # core/net.py, complexity_conv2d and complexity_maxpool2d (models/blocks.py, conv2d_cx and
    # pool2d_cx, in later sources). A conv's bias is counted once a channel, not once an element.
    Rule(
        "flops",
        (
            Term("conv", _macs(), ("conv",)),
            Term("linear", _macs(), ("linear",)),
            Term("conv bias, 1 a channel", _bias_a_channel, ("conv",)),
            _LINEAR_BIAS,
        ),
    ),
    _PARAMS,
    Rule(
        "acts",
        (
            Term("conv outputs", _an_output(), ("conv",)),
            Term("max pooling outputs", _an_output(), ("max_pool",)),
            Term("linear outputs", _an_output(), ("linear",)),
        ),
    ),
)

NOT_IN_PYCLS: Final[tuple[str, ...]] = ("conv1d", "group_norm", "avg_pool", "blur_pool", "zero_pad")
"""Kinds of layer for which pycls has no complexity function and no block that uses one."""

RULES: Final[dict[Tool, tuple[Rule, ...]]] = {
    Tool.fvcore: _FVCORE,
    Tool.ptflops: _PTFLOPS,
    Tool.ptflops_aten: _PTFLOPS_ATEN,
    Tool.torchinfo: _TORCHINFO,
    Tool.torch: _TORCH,
    Tool.thop: _THOP,
    Tool.ultralytics_thop: _ULTRALYTICS_THOP,
    Tool.torchprofile: _TORCHPROFILE,
    Tool.deepspeed: _DEEPSPEED,
    Tool.calflops: _CALFLOPS,
    Tool.pycls: _PYCLS,
}
