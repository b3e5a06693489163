"""Whether a module does what a layer of a plan says: its type and every attribute that matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import nn

from archkit.nn.layers import BlurPool
from archkit.plan import Layer

__all__ = ["INERT", "mismatch", "type_name"]

_TORCH: Final = "torch.nn.modules."

# By name, so that neither timm nor torchvision is imported, and exactly, since a subclass may compute
# something else (timm's StdConv2d is an nn.Conv2d).
_TYPES: Final = {
    "conv": {f"{_TORCH}conv.Conv2d"},
    "conv1d": {f"{_TORCH}conv.Conv1d"},
    "batch_norm": {f"{_TORCH}batchnorm.BatchNorm2d", f"{_TORCH}batchnorm.SyncBatchNorm"},
    "group_norm": {f"{_TORCH}normalization.GroupNorm", "timm.layers.norm.GroupNorm"},
    "relu": {f"{_TORCH}activation.ReLU"},
    "max_pool": {f"{_TORCH}pooling.MaxPool2d"},
    "avg_pool": {f"{_TORCH}pooling.AvgPool2d"},
    "blur_pool": {"archkit.nn.layers.BlurPool", "timm.layers.blur_pool.BlurPool2d"},
    "global_pool": {f"{_TORCH}pooling.AdaptiveAvgPool2d"},
    "squeeze": {"archkit.nn.layers.Squeeze"},
    "sigmoid": {f"{_TORCH}activation.Sigmoid", "timm.layers.activations.Sigmoid"},
    "zero_pad": {"archkit.nn.layers.ZeroPad"},
    "flatten": {f"{_TORCH}flatten.Flatten"},
    "linear": {f"{_TORCH}linear.Linear"},
}

INERT: Final = {
    f"{_TORCH}linear.Identity",
    f"{_TORCH}dropout.Dropout",
    f"{_TORCH}dropout.Dropout2d",
    "timm.layers.drop.DropPath",
    "timm.layers.drop.DropBlock2d",
}
"""What changes nothing in eval mode and has no parameters. The language has no word for dropout."""

_PAIRS: Final = frozenset({"kernel_size", "stride", "padding", "dilation", "output_size"})
_EPS: Final = 1e-5


def type_name(module: nn.Module) -> str:
    """The full name of a module's type."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def mismatch(layer: Layer, module: nn.Module) -> str | None:
    """What keeps `module` from being `layer`, in words that follow the module's name; or None."""
    if type_name(module) not in _TYPES[layer.kind]:
        return f"is {type(module).__name__} where a {layer.kind} is expected"
    for name, value in _expected(layer, module).items():
        came = getattr(module, name)
        if name == "bias":
            came = came is not None
        elif name in _PAIRS and isinstance(came, int):
            came = (came,) * _sides(layer)
        if came != value:
            return f"has {name} {_said(came)}, expected {_said(value)}"
    return None


def _expected(layer: Layer, module: nn.Module) -> Mapping[str, Any]:
    """Attributes and their values. Momentum is left out: it changes training alone."""
    c_in, c_out = layer.in_shape[0], layer.out_shape[0]
    if layer.kind == "conv1d":
        c_in = c_out = 1  # efficient channel attention is one channel, along those of the map
    sides = _sides(layer)
    k, s, p = (layer.kernel,) * sides, (layer.stride,) * sides, (layer.padding,) * sides
    match layer.kind:
        case "conv" | "conv1d":
            return {
                # First, since a dilated conv differs in its padding too, and this says why.
                "dilation": (1,) * sides,
                "in_channels": c_in,
                "out_channels": c_out,
                "kernel_size": k,
                "stride": s,
                "padding": p,
                "groups": layer.groups,
                "bias": layer.bias,
                "padding_mode": "zeros",
            }
        case "batch_norm":
            return {"num_features": c_in, "eps": _EPS, "affine": True, "track_running_stats": True}
        case "group_norm":
            return {"num_channels": c_in, "num_groups": layer.groups, "eps": _EPS, "affine": True}
        case "max_pool":
            return {"kernel_size": k, "stride": s, "padding": p, "dilation": (1, 1), "ceil_mode": layer.ceil}
        case "avg_pool":
            # Without padding `count_include_pad` changes nothing.
            return {
                "kernel_size": k,
                "stride": s,
                "padding": p,
                "ceil_mode": layer.ceil,
                "divisor_override": None,
            }
        case "blur_pool" if not isinstance(module, BlurPool):
            return {"filt_size": 3, "stride": s, "pad_mode": "reflect", "channels": c_in}
        case "global_pool":
            return {"output_size": (1, 1)}
        case "zero_pad":
            return {"stride": s, "new": c_out - c_in}
        case "flatten":
            return {"start_dim": 1, "end_dim": -1}
        case "linear":
            return {"in_features": c_in, "out_features": c_out, "bias": layer.bias}
    return {}


def _sides(layer: Layer) -> int:
    """Dimensions of a layer's kernel."""
    return 1 if layer.kind == "conv1d" else 2


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if value is None or isinstance(value, bool):
        return {True: "on", False: "off", None: "none"}[value]
    return str(value)
