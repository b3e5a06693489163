"""The rules of each tool: which layers it counts, and for how much.

They are read off the tools' source and hold for the modules that `archkit.nn.build` makes, in eval
mode. Where a figure depends on how a module is written, the comment says which way it is written
here; docs/rosetta.md has what other ways give. Every figure is an integer, for one image.

Sources: fvcore 0.1.5.post20221221, ptflops 0.7.5, torchinfo 1.8.0, thop 0.1.1.post2209072238,
ultralytics-thop 2.2.3, torchprofile 0.1.0, deepspeed 0.19.8, calflops 0.3.2, pycls 0.1.1, torch 2.15.0.
"""

from __future__ import annotations

from typing import Final

from archkit.count.formulas import layer_params
from archkit.count.tools.keras import KERAS
from archkit.count.tools.terms import (
    CONV_BIAS,
    GROUP_NORM_PARAMS,
    LAYER_NORM_PARAMS,
    LAYER_SCALE_PARAMS,
    LINEAR_BIAS,
    NORMS_OF_CHANNELS,
    PARAMS,
    PARAMS_BUT_SOME_NORMS,
    STANDARDISATION,
    Rule,
    Term,
    Tool,
    all_entered_and_left,
    an_input,
    an_output,
    bias_a_channel,
    elements_and_channels,
    elements_and_positions,
    entered_and_left,
    macs,
    products,
    window_and_division,
)

__all__ = ["NOT_IN_PYCLS", "OLDER_PTFLOPS", "RULES"]

_BIAS_OF_PLAIN: Final = CONV_BIAS._replace(kinds=("conv",))
_GELU: Final = ("gelu", "gelu-tanh")

_FVCORE: Final = (
    # nn/flop_count.py, _DEFAULT_SUPPORTED_OPS, and nn/jit_handles.py. Operators of the traced graph,
    # so the functional conv of blur pooling is seen; biases are not counted.
    Rule(
        "flops",
        (
            *products(blur=True),
            # Standardised weights are those of a batch norm in train mode without weight and bias.
            STANDARDISATION,
            # batchnorm_flop_jit: 2 with weight and bias in eval mode (5 in train mode).
            Term("batch norm, 2 an element", an_output(2), ("batch_norm",)),
            Term("group norm, 5 an element", an_output(5), ("group_norm",)),
            Term("layer norm, 5 an element", an_output(5), ("layer_norm",)),
            # aten::adaptive_avg_pool2d; other pools and means are unsupported operators and count nothing.
            Term("global pooling, 1 an input element", an_input(), ("global_pool",)),
        ),
    ),
    # nn/activation_count.py, _DEFAULT_SUPPORTED_OPS.
    Rule(
        "activations",
        (
            Term("conv outputs", an_output(), ("conv", "std_conv", "mix_conv")),
            Term("conv1d outputs", an_output(), ("conv1d",)),
            Term("blur pooling outputs", an_output(), ("blur_pool",)),
            Term("linear outputs", an_output(), ("linear",)),
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
            *products(blur=False, standardised=False),
            _BIAS_OF_PLAIN,
            LINEAR_BIAS,
            Term("batch norm, 2 an element", an_output(2), ("batch_norm",)),
            Term("group norm, 2 an element", an_output(2), ("group_norm",)),
            Term("ReLU, 2 an element", an_output(2), ("relu",)),
            # nn.ReLU6 calls F.hardtanh, which it does not know; SiLU it knows as a function alone.
            Term("ReLU6, 1 an element", an_output(), ("relu6",)),
            Term("SiLU, 1 an element", an_output(), ("silu",)),
            Term("GELU, 2 an element", an_output(2), _GELU),
            Term("max pooling, 2 an input element", an_input(2), ("max_pool",)),
            Term("average pooling, 2 an input element", an_input(2), ("avg_pool",)),
            Term("global pooling, 2 an input element", an_input(2), ("global_pool",)),
        ),
    ),
    PARAMS,
)

# Versions that looked at modules alone, so that what `_PTFLOPS` has twice was there once. The README of that
# time has a table of what they printed.
OLDER_PTFLOPS: Final = Rule(
    "macs",
    (
        *products(blur=False, standardised=False),
        _BIAS_OF_PLAIN,
        LINEAR_BIAS,
        Term("batch norm, 2 an element", an_output(2), ("batch_norm",)),
        Term("ReLU, 1 an element", an_output(), ("relu",)),
        Term("pooling, 1 an input element", an_input(), ("max_pool", "avg_pool", "global_pool")),
    ),
)

_PTFLOPS_ATEN: Final = (
    # aten_ops.py, ATEN_OPS_MAPPING: convolution with its bias, and addmm with its bias.
    Rule("macs", (*products(blur=True), CONV_BIAS, LINEAR_BIAS)),
    PARAMS,
)

_TORCHINFO: Final = (
    # layer_info.py, LayerInfo.calculate_macs: a module's own weight and bias, for each position of
    # the output where the class is called Conv..., and once otherwise. So a norm counts its parameters.
    Rule(
        "mult-adds",
        (
            *products(blur=False),
            CONV_BIAS,
            LINEAR_BIAS,
            Term("batch norm, 2 a channel", layer_params, ("batch_norm",)),
            GROUP_NORM_PARAMS,
            LAYER_NORM_PARAMS,
            *NORMS_OF_CHANNELS,
            LAYER_SCALE_PARAMS,
        ),
    ),
    PARAMS,
    Rule("trainable params", PARAMS.terms),
)

_TORCH: Final = (
    # torch/utils/flop_counter.py, conv_flop_count and addmm_flop: 2 for each multiply-add, no bias.
    Rule("flops", products(2, blur=True)),
    PARAMS,
    Rule("trainable params", PARAMS.terms),
)

_THOP: Final = (
    # profile.py, register_hooks, and vision/basic_hooks.py. By exact type of module; nn.GroupNorm is
    # not among them, nor is a child of nn.LayerNorm, which a layer norm over channels must be.
    Rule(
        "macs",
        (
            *products(blur=False, standardised=False),
            # count_normalization: twice calculate_norm, which is already 2 an element.
            Term("batch norm, 4 an element", an_output(4), ("batch_norm",)),
            Term("average pooling, 1 an output element", an_output(), ("avg_pool",)),
            # count_adap_avgpool: the window's additions and one division for each output.
            Term(
                "global pooling, H x W + 1 an output element",
                window_and_division,
                ("global_pool",),
            ),
        ),
    ),
    Rule("params", PARAMS_BUT_SOME_NORMS),
)

_ULTRALYTICS_THOP: Final = (
    # profile.py, register_hooks, and vision/basic_hooks.py. By type of module or a parent of it, so group
    # norm is known; the convs of channel attention too. A functional conv is not among what it sees.
    Rule(
        "macs",
        (
            *products(blur=False),
            # count_normalization: twice calculate_norm, which is already 2 an element.
            Term("batch norm, 4 an element", an_output(4), ("batch_norm",)),
            Term("group norm, 4 an element", an_output(4), ("group_norm",)),
            Term("layer norm, 4 an element", an_output(4), ("layer_norm",)),
            # count_avgpool: an addition for each element in a window, a division for each output.
            Term(
                "average pooling, 1 a window element + 1 an output element", entered_and_left, ("avg_pool",)
            ),
            # count_adap_avgpool: the same, of one window that is the whole map.
            Term(
                "global pooling, 1 an input element + 1 an output element",
                all_entered_and_left,
                ("global_pool",),
            ),
        ),
    ),
    PARAMS,
)

_TORCHPROFILE: Final = (
    # handlers.py, HANDLER_MAP. Operators of the traced graph, so the functional conv of blur pooling, the
    # mean and the product of channel attention are seen; biases are not counted.
    Rule(
        "macs",
        (
            *products(blur=True),
            Term("batch norm, 1 an element", an_output(), ("batch_norm",)),
            Term("group norm, 1 an element", an_output(), ("group_norm",)),
            Term("layer norm, 1 an element", an_output(), ("layer_norm",)),
            # Written out: a mean, where there is one, and products.
            Term("RMS norm, 2 an element + 1 a position", elements_and_positions, ("rms_norm",)),
            Term("simple norm, 2 an element", an_output(2), ("simple_norm",)),
            Term("response norm, 1 an element + 1 a channel + 1", elements_and_channels, ("response_norm",)),
            Term("average pooling, 1 an output element", an_output(), ("avg_pool",)),
            Term("global pooling, 1 an output element", an_output(), ("global_pool",)),
            Term("mean of channel attention, 1 an output element", an_output(), ("squeeze",)),
            Term("product of channel attention, 1 an element", an_output(), ("scale",)),
            Term("layer scale, 1 an element", an_output(), ("layer_scale",)),
        ),
    ),
)

# DeepSpeed: profiling/flops_profiler/profiler.py, _patch_functionals and _patch_tensor_methods; calflops,
# which was made from it: pytorch_ops.py, _patch_functionals. Functions, whichever module calls them; an
# operator such as `x * y` is none of them.
_FUNCTIONS: Final = (
    Rule("macs", products(blur=True)),
    Rule(
        "flops",
        (
            *products(2, blur=True),
            CONV_BIAS,
            STANDARDISATION,
            Term("batch norm, 2 an element", an_output(2), ("batch_norm",)),
            Term("group norm, 5 an element", an_output(5), ("group_norm",)),
            Term("layer norm, 5 an element", an_output(5), ("layer_norm",)),
            Term("ReLU, 1 an element", an_output(), ("relu",)),
            Term("SiLU, 1 an element", an_output(), ("silu",)),
            Term("GELU, 1 an element", an_output(), _GELU),
            Term("max pooling, 1 an input element", an_input(), ("max_pool",)),
            Term("average pooling, 1 an input element", an_input(), ("avg_pool",)),
            Term("global pooling, 1 an input element", an_input(), ("global_pool",)),
        ),
    ),
    PARAMS,
)

_PYCLS: Final = (
    # core/net.py, complexity_conv2d and complexity_maxpool2d (models/blocks.py, conv2d_cx and
    # pool2d_cx, in later sources). A conv's bias is counted once a channel, not once an element.
    Rule(
        "flops",
        (
            Term("conv", macs(), ("conv",)),
            Term("linear", macs(), ("linear",)),
            Term("conv bias, 1 a channel", bias_a_channel, ("conv",)),
            LINEAR_BIAS,
        ),
    ),
    PARAMS,
    Rule(
        "acts",
        (
            Term("conv outputs", an_output(), ("conv",)),
            Term("max pooling outputs", an_output(), ("max_pool",)),
            Term("linear outputs", an_output(), ("linear",)),
        ),
    ),
)

NOT_IN_PYCLS: Final[tuple[str, ...]] = (
    "std_conv",
    "mix_conv",
    "conv1d",
    "group_norm",
    "layer_norm",
    "rms_norm",
    "simple_norm",
    "response_norm",
    "layer_scale",
    "avg_pool",
    "blur_pool",
    "zero_pad",
    "pad",
)
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
    Tool.deepspeed: _FUNCTIONS,
    Tool.calflops: _FUNCTIONS,
    Tool.pycls: _PYCLS,
    Tool.keras: KERAS,
}
