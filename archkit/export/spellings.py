"""How each kind of layer is written in Python: one row each, beside those of `archkit.nn.kinds`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from archkit.nn import layers
from archkit.plan import Layer

__all__ = ["ACTIVATIONS", "HELPERS", "SPELLINGS", "Spelling", "structure"]

Source: TypeAlias = Mapping[str, str]
"""The values of a layer as they are written: a number, or the name of an argument. `c` is what enters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelling:
    """A row.

    Attributes:
        module: writes the call that makes the layer's module.
        values: of the layer that may differ between blocks of one class, in the order in which they are
            written; `c_out` where it changes the channels.
        call: the layer as an expression of `{x}`, where it needs no module.
        fixed: of the layer's fields those in which all blocks of one class agree.
    """

    module: Callable[[Source], str]
    values: tuple[str, ...] = ()
    call: str | None = None
    fixed: tuple[str, ...] = ()


def _written(name: str, *given: str, **more: tuple[str, str]) -> str:
    """A call, without the arguments that have their default: `name(given, key=value)`."""
    keys = [f"{key}={value}" for key, (value, default) in more.items() if value != default]
    return f"{name}({', '.join((*given, *keys))})"


def _conv(name: str) -> Callable[[Source], str]:
    def write(at: Source) -> str:
        return _written(
            name,
            at["c"],
            at["c_out"],
            at["kernel"],
            stride=(at["stride"], "1"),
            padding=(at["padding"], "0"),
            dilation=(at["dilation"], "1"),
            groups=(at["groups"], "1"),
            bias=(at["bias"], "True"),
        )

    return write


def _mix(at: Source) -> str:
    given = (f"{name}={at[name]}" for name in ("stride", "padding", "depthwise"))
    return _written("MixConv", at["c"], at["c_out"], at["kernels"], *given)


def _pad(at: Source) -> str:
    """As `SAME` does it for the kernel of the conv behind it; or, without one, alike on all sides."""
    if at["kernel"] == "0":
        return f"nn.ConstantPad2d({at['padding']}, 0.0)"
    return _written("SamePad", at["kernel"], at["stride"])


def _pool(name: str) -> Callable[[Source], str]:
    def write(at: Source) -> str:
        # Averages that keep the last, incomplete window do not count what lies outside the map.
        outside = "False" if at["ceil"] == "True" and name == "nn.AvgPool2d" else "True"
        return _written(
            name,
            at["kernel"],
            stride=(at["stride"], at["kernel"]),
            padding=(at["padding"], "0"),
            ceil_mode=(at["ceil"], "False"),
            count_include_pad=(outside, "True"),
        )

    return write


def _act(module: str, function: str) -> Spelling:
    return Spelling(module=lambda _: module, call=f"{function}({{x}})")


ACTIVATIONS: Final[Mapping[str, str]] = {
    "relu": "F.relu",
    "relu6": "F.relu6",
    "silu": "F.silu",
    "hswish": "F.hardswish",
    "gelu": "F.gelu",
    "gelu-tanh": "gelu_tanh",
    "sigmoid": "torch.sigmoid",
    "hsigmoid": "F.hardsigmoid",
}
"""The kinds of layer that act element by element, and their functions: a class's blocks may differ here."""

_CLASSES: Final = {"hswish": "Hardswish", "hsigmoid": "Hardsigmoid", "relu": "ReLU", "relu6": "ReLU6"}
_CLASSES.update(silu="SiLU", gelu="GELU", sigmoid="Sigmoid")
_IN_TORCH: Final = {
    **{kind: f"nn.{name}()" for kind, name in _CLASSES.items()},
    "gelu-tanh": 'nn.GELU(approximate="tanh")',
}

HELPERS: Final[Mapping[str, tuple[Callable[..., Any], ...]]] = {
    "blur_pool": (layers.BlurPool,),
    "layer_norm": (layers.ChannelNorm,),
    "rms_norm": (layers.ScaledNorm, layers.RmsNorm),
    "simple_norm": (layers.ScaledNorm, layers.SimpleNorm),
    "response_norm": (layers.ResponseNorm,),
    "layer_scale": (layers.LayerScale,),
    "gelu-tanh": (layers.gelu_tanh,),
    "std_conv": (layers.StdConv2d,),
    "mix_conv": (layers.shares, layers.MixConv),
    "pad": (layers.SamePad,),
    "zero_pad": (layers.ZeroPad,),
}
"""What torch lacks, for the kinds of layer that need it: its source goes into the file."""

_OF_CONVS: Final = ("c_out", "kernel", "stride", "padding", "dilation", "groups")
_EPS: Final = {"1e-05": "1e-5", "1e-06": "1e-6"}

SPELLINGS: Final[Mapping[str, Spelling]] = {
    "conv": Spelling(module=_conv("nn.Conv2d"), values=_OF_CONVS, fixed=("bias",)),
    "std_conv": Spelling(module=_conv("StdConv2d"), values=_OF_CONVS, fixed=("bias",)),
    "mix_conv": Spelling(module=_mix, values=("c_out", "kernels", "stride", "padding"), fixed=("depthwise",)),
    "conv1d": Spelling(
        module=lambda at: _written(
            "nn.Conv1d", "1", "1", at["kernel"], padding=(at["padding"], "0"), bias=("False", "True")
        ),
        values=("kernel", "padding"),
        call="{layer}({x}.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)",
    ),
    "batch_norm": Spelling(
        module=lambda at: _written("nn.BatchNorm2d", at["c"], eps=(at["eps"], "1e-5")), fixed=("eps",)
    ),
    "group_norm": Spelling(
        module=lambda at: _written("nn.GroupNorm", at["groups"], at["c"]), values=("groups",)
    ),
    "layer_norm": Spelling(
        module=lambda at: _written("ChannelNorm", at["c"], eps=(at["eps"], "1e-5")), fixed=("eps",)
    ),
    "rms_norm": Spelling(module=lambda at: f"RmsNorm({at['c']}, eps={at['eps']})", fixed=("eps",)),
    "simple_norm": Spelling(module=lambda at: f"SimpleNorm({at['c']}, eps={at['eps']})", fixed=("eps",)),
    "response_norm": Spelling(module=lambda at: f"ResponseNorm({at['c']})"),
    **{kind: _act(_IN_TORCH[kind], name) for kind, name in ACTIVATIONS.items()},
    "max_pool": Spelling(
        module=_pool("nn.MaxPool2d"), values=("kernel", "stride", "padding"), fixed=("ceil",)
    ),
    "avg_pool": Spelling(
        module=_pool("nn.AvgPool2d"), values=("kernel", "stride", "padding"), fixed=("ceil",)
    ),
    "blur_pool": Spelling(
        module=lambda at: _written("BlurPool", at["c"], padding=(at["padding"], "1")), values=("padding",)
    ),
    "global_pool": Spelling(module=lambda _: "nn.AdaptiveAvgPool2d(1)", call="F.adaptive_avg_pool2d({x}, 1)"),
    "squeeze": Spelling(module=lambda _: "nn.AdaptiveAvgPool2d(1)", call="{x}.mean((2, 3), keepdim=True)"),
    "zero_pad": Spelling(
        module=lambda at: _written("ZeroPad", at["stride"], at["c"], at["c_out"]), values=("stride", "c_out")
    ),
    "layer_scale": Spelling(module=lambda at: _written("LayerScale", at["c"])),
    "pad": Spelling(module=_pad, values=("kernel", "stride", "padding")),
    "flatten": Spelling(module=lambda _: "nn.Flatten()", call="{x}.flatten(1)"),
    "linear": Spelling(
        module=lambda at: _written("nn.Linear", at["c"], at["c_out"], bias=(at["bias"], "True")),
        values=("c_out",),
        fixed=("bias",),
    ),
}
"""Every kind of layer that has a module, by its name in `archkit.plan.KINDS`."""


def structure(layer: Layer) -> dict[str, str]:
    """The values in which all blocks of one class agree, as they are written."""
    found: dict[str, Any] = {}
    for name in SPELLINGS[layer.kind].fixed:
        value = getattr(layer, name)
        found[name] = _EPS.get(str(10.0**-value), str(10.0**-value)) if name == "eps" else str(value)
    return found
