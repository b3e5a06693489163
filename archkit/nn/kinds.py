"""What each kind of layer is in torch: one row each, beside those of `archkit.plan.kinds`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from archkit.nn.layers import BlurPool, LayerScale, MixConv, SamePad, Squeeze, StdConv2d, ZeroPad
from archkit.nn.module_kind import COUNTER, TORCH, ModuleKind, Shapes, in_torch, nothing
from archkit.nn.norm_kinds import NORMS
from archkit.plan import Layer

__all__ = ["COUNTER", "MODULES", "ModuleKind", "Shapes"]


def _bias(layer: Layer) -> Shapes:
    return {"bias": (layer.out_shape[0],)} if layer.bias else {}


def _conv_attributes(layer: Layer, c_in: int, c_out: int, sides: int) -> dict[str, Any]:
    return {
        # The dilation first: it changes the padding too, and "has dilation 2x2" tells why.
        "dilation": (layer.dilation,) * sides,
        "in_channels": c_in,
        "out_channels": c_out,
        "kernel_size": layer.window[:sides],
        "stride": (layer.stride,) * sides,
        "padding": layer.margins[:sides],
        "groups": layer.groups,
        "bias": layer.bias,
        "padding_mode": "zeros",
    }


def _conv_tensors(layer: Layer) -> Shapes:
    c_in, c_out = layer.in_shape[0], layer.out_shape[0]
    return {"weight": (c_out, c_in // layer.groups, *layer.window), **_bias(layer)}


def _conv(layer: Layer) -> nn.Module:
    kind = StdConv2d if layer.kind == "std_conv" else nn.Conv2d
    return kind(
        layer.in_shape[0],
        layer.out_shape[0],
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )


def _mix(layer: Layer) -> MixConv:
    how = {"stride": layer.stride, "padding": layer.padding, "depthwise": layer.groups != 1}
    return MixConv(layer.in_shape[0], layer.out_shape[0], layer.kernels, **how)


def _mix_attributes(layer: Layer) -> dict[str, Any]:
    with torch.device("meta"):
        return {"parts": _mix(layer).parts}


def _mix_shapes(layer: Layer) -> list[tuple[int, ...]]:
    with torch.device("meta"):
        return [tuple(weight.shape) for weight in _mix(layer).parameters()]


def _along_channels(conv: nn.Module, x: Tensor) -> Tensor:
    """B x C x 1 x 1 -> the same: the conv sees one channel of length C, B x 1 x C."""
    out: Tensor = conv(x.flatten(2).transpose(1, 2))
    return out.transpose(1, 2).unsqueeze(3)


def _pool_attributes(layer: Layer) -> dict[str, Any]:
    return {
        "kernel_size": layer.window,
        "stride": (layer.stride,) * 2,
        "padding": layer.margins,
        "ceil_mode": layer.ceil,
    }


def _avg_pool(layer: Layer) -> nn.Module:
    return nn.AvgPool2d(
        layer.kernel,
        stride=layer.stride,
        padding=layer.padding,
        ceil_mode=layer.ceil,
        count_include_pad=not layer.ceil,
    )


MODULES: Final[Mapping[str, ModuleKind]] = {
    "conv": ModuleKind(
        make=_conv,
        types=in_torch(
            "conv.Conv2d",
            attributes=lambda layer: _conv_attributes(layer, layer.in_shape[0], layer.out_shape[0], 2),
        ),
        tensors=_conv_tensors,
    ),
    "std_conv": ModuleKind(
        make=_conv,
        types=dict.fromkeys(
            ("archkit.nn.layers.StdConv2d", "timm.layers.std_conv.StdConv2d"),
            lambda layer: {
                **_conv_attributes(layer, layer.in_shape[0], layer.out_shape[0], 2),
                "eps": 10.0**-layer.eps,
            },
        ),
        tensors=_conv_tensors,
    ),
    "mix_conv": ModuleKind(
        make=_mix,
        types={"archkit.nn.layers.MixConv": _mix_attributes},
        tensors=lambda layer: {f"{i}.weight": shape for i, shape in enumerate(_mix_shapes(layer))},
    ),
    "conv1d": ModuleKind(
        make=lambda layer: nn.Conv1d(1, 1, layer.kernel, padding=layer.padding, bias=False),
        types=in_torch("conv.Conv1d", attributes=lambda layer: _conv_attributes(layer, 1, 1, 1)),
        tensors=lambda layer: {"weight": (1, 1, layer.kernel)},
        run=_along_channels,
    ),
    **NORMS,
    "relu": ModuleKind(make=lambda _: nn.ReLU(inplace=True), types=in_torch("activation.ReLU")),
    # Those that follow keep their input for the backward pass, and so would copy it to work in its place.
    "relu6": ModuleKind(make=lambda _: nn.ReLU6(), types=in_torch("activation.ReLU6")),
    "silu": ModuleKind(make=lambda _: nn.SiLU(), types=in_torch("activation.SiLU")),
    "hswish": ModuleKind(make=lambda _: nn.Hardswish(), types=in_torch("activation.Hardswish")),
    "gelu": ModuleKind(
        make=lambda _: nn.GELU(),
        types={
            **in_torch("activation.GELU", attributes=lambda _: {"approximate": "none"}),
            "timm.layers.activations.GELU": nothing,
        },
    ),
    "gelu-tanh": ModuleKind(
        make=lambda _: nn.GELU(approximate="tanh"),
        types={
            **in_torch("activation.GELU", attributes=lambda _: {"approximate": "tanh"}),
            "timm.layers.activations.GELUTanh": nothing,
        },
    ),
    "max_pool": ModuleKind(
        make=lambda layer: nn.MaxPool2d(
            layer.kernel, stride=layer.stride, padding=layer.padding, ceil_mode=layer.ceil
        ),
        types=in_torch(
            "pooling.MaxPool2d", attributes=lambda layer: {**_pool_attributes(layer), "dilation": (1, 1)}
        ),
    ),
    "avg_pool": ModuleKind(
        make=_avg_pool,
        # `count_include_pad` need not agree, since without padding it changes nothing.
        types=in_torch(
            "pooling.AvgPool2d",
            attributes=lambda layer: {**_pool_attributes(layer), "divisor_override": None},
        ),
    ),
    "blur_pool": ModuleKind(
        make=lambda layer: BlurPool(layer.in_shape[0], padding=layer.padding),
        types={
            "archkit.nn.layers.BlurPool": lambda layer: {"padding": layer.padding},
            "timm.layers.blur_pool.BlurPool2d": lambda layer: {
                "filt_size": 3,
                "stride": (layer.stride,) * 2,
                "pad_mode": "reflect" if layer.padding else "none",
                "channels": layer.in_shape[0],
            },
        },
    ),
    "global_pool": ModuleKind(
        make=lambda _: nn.AdaptiveAvgPool2d(1),
        types={
            **in_torch("pooling.AdaptiveAvgPool2d", attributes=lambda _: {"output_size": (1, 1)}),
            # One window over the whole map is the same, whatever its stride.
            **in_torch(
                "pooling.AvgPool2d",
                attributes=lambda layer: {
                    "kernel_size": layer.in_shape[1:],
                    "padding": (0, 0),
                    "divisor_override": None,
                },
            ),
        },
    ),
    "squeeze": ModuleKind(make=lambda _: Squeeze(), types={"archkit.nn.layers.Squeeze": nothing}),
    "sigmoid": ModuleKind(
        make=lambda _: nn.Sigmoid(),
        types={f"{TORCH}activation.Sigmoid": nothing, "timm.layers.activations.Sigmoid": nothing},
    ),
    "hsigmoid": ModuleKind(
        make=lambda _: nn.Hardsigmoid(),
        types={f"{TORCH}activation.Hardsigmoid": nothing, "timm.layers.activations.HardSigmoid": nothing},
    ),
    "scale": ModuleKind(make=None),
    "zero_pad": ModuleKind(
        make=lambda layer: ZeroPad(layer.stride, layer.in_shape[0], layer.out_shape[0]),
        types={
            "archkit.nn.layers.ZeroPad": lambda layer: {
                "stride": (layer.stride,) * 2,
                "new": layer.out_shape[0] - layer.in_shape[0],
            }
        },
    ),
    "layer_scale": ModuleKind(
        make=lambda layer: LayerScale(layer.in_shape[0]),
        types={"archkit.nn.layers.LayerScale": nothing},
        tensors=lambda layer: {"weight": layer.in_shape[:1]},
    ),
    "pad": ModuleKind(
        make=lambda layer: (
            SamePad(layer.kernel, layer.stride) if layer.kernel else nn.ConstantPad2d(layer.padding, 0.0)
        ),
        types={
            "archkit.nn.layers.SamePad": lambda layer: {"kernel_size": layer.kernel, "stride": layer.stride},
            **in_torch(
                "padding.ConstantPad2d",
                attributes=lambda layer: {"padding": (layer.padding,) * 4, "value": 0.0},
            ),
        },
    ),
    "add": ModuleKind(make=None),
    "flatten": ModuleKind(
        make=lambda _: nn.Flatten(),
        types=in_torch("flatten.Flatten", attributes=lambda _: {"start_dim": 1, "end_dim": -1}),
    ),
    "linear": ModuleKind(
        make=lambda layer: nn.Linear(layer.in_shape[0], layer.out_shape[0], bias=layer.bias),
        types=in_torch(
            "linear.Linear",
            attributes=lambda layer: {
                "in_features": layer.in_shape[0],
                "out_features": layer.out_shape[0],
                "bias": layer.bias,
            },
        ),
        tensors=lambda layer: {"weight": (layer.out_shape[0], layer.in_shape[0]), **_bias(layer)},
    ),
}
"""Every kind of layer, by its name in `archkit.plan.KINDS`."""
