"""A torch module for each layer of a plan."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from archkit.plan import Layer

__all__ = ["Attention", "BlurPool", "ZeroPad", "module_for"]


class ZeroPad(nn.Module):
    """Option A of He et al. 2016a: every s-th row and column, and zeros for the channels that are new."""

    def __init__(self, stride: int, c_in: int, c_out: int) -> None:
        super().__init__()
        self.stride = stride
        self.new = c_out - c_in

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x (C + new) x ceil(H / s) x ceil(W / s)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class BlurPool(nn.Module):
    """Every second row and column of the map blurred by the binomial 3x3 filter (Zhang 2019)."""

    filter: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Not learned and not saved: it follows from the number of channels.
        self.register_buffer("filter", torch.empty(channels, 1, 3, 3), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fills the filter: under torch's name for it, for a network that was made on `meta`."""
        row = torch.tensor([1.0, 2.0, 1.0], device=self.filter.device) / 4
        self.filter.copy_(row[:, None] * row[None, :])

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C x ceil(H / 2) x ceil(W / 2)."""
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.filter, stride=2, groups=x.shape[1])


class Squeeze(nn.Module):
    """The mean over H and W."""

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> B x C x 1 x 1."""
        return x.mean((2, 3), keepdim=True)


class Attention(nn.Module):
    """Channel attention: `x * gate(x)`, the gate being the plan's layers one behind another."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        for layer in layers:
            if layer.kind != "scale":
                self.add_module(layer.name.rpartition(".")[2], module_for(layer))
        self.along_channels = any(layer.kind == "conv1d" for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W -> the same."""
        gate = x
        for name, module in self.named_children():
            if self.along_channels and name == "conv":
                # ECA runs along the channels: B x C x 1 x 1 as B x 1 x C.
                gate = module(gate.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)
            else:
                gate = module(gate)
        return x * gate


_SIMPLE: Final = {"squeeze": Squeeze, "sigmoid": nn.Sigmoid, "flatten": nn.Flatten}


def module_for(layer: Layer) -> nn.Module:
    """The module that does what a layer of a plan says.

    Raises:
        ValueError: the layer joins two inputs (`add`, `scale`) and is written out in its block.
    """
    match layer.kind:
        case "conv":
            return nn.Conv2d(
                layer.in_shape[0],
                layer.out_shape[0],
                layer.kernel,
                stride=layer.stride,
                padding=layer.padding,
                groups=layer.groups,
                bias=layer.bias,
            )
        case "conv1d":
            return nn.Conv1d(1, 1, layer.kernel, padding=layer.padding, bias=False)
        case "batch_norm":
            return nn.BatchNorm2d(layer.in_shape[0])
        case "group_norm":
            return nn.GroupNorm(layer.groups, layer.in_shape[0])
        case "relu":
            return nn.ReLU(inplace=True)
        case "max_pool":
            return nn.MaxPool2d(layer.kernel, stride=layer.stride, padding=layer.padding)
        case "avg_pool":
            return nn.AvgPool2d(
                layer.kernel, stride=layer.stride, ceil_mode=layer.ceil, count_include_pad=not layer.ceil
            )
        case "blur_pool":
            return BlurPool(layer.in_shape[0])
        case "global_pool":
            return nn.AdaptiveAvgPool2d(1)
        case "zero_pad":
            return ZeroPad(layer.stride, layer.in_shape[0], layer.out_shape[0])
        case "linear":
            return nn.Linear(layer.in_shape[0], layer.out_shape[0], bias=layer.bias)
        case "squeeze" | "sigmoid" | "flatten":
            return _SIMPLE[layer.kind]()
        case "add" | "scale":
            raise ValueError(f"{layer.name} joins two inputs; its block writes it out")
