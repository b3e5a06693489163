"""Other libraries' ResNets with random numbers in every place, to compare archkit's with."""

from __future__ import annotations

import timm
import torch
import torchvision
from torch import nn
from torch.overrides import TorchFunctionMode

TORCHVISION = sorted(
    name
    for name in torchvision.models.list_models(module=torchvision.models)
    if torchvision.models.get_model_builder(name).__module__ == "torchvision.models.resnet"
)
TIMM = sorted(timm.list_models(module="resnet"))


class Numbers(TorchFunctionMode):
    """`torch.linspace` on the CPU: older versions of timm read rates of stochastic depth from a tensor."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        options = {"device": "cpu"} if func is torch.linspace else {}
        return func(*args, **{**(kwargs or {}), **options})


def on_meta(name: str, library: str) -> nn.Module:
    """A library's network without numbers: made in no time."""
    if name.startswith("regnet_"):  # torchvision works their widths out with tensors, which need numbers
        return torchvision.models.get_model(name).to("meta")
    with torch.device("meta"), Numbers():
        return timm.create_model(name) if library == "timm" else torchvision.models.get_model(name)


@torch.no_grad()
def materialise(module: nn.Module) -> nn.Module:
    """Puts a network of the meta device on the CPU in float64, its weights and statistics still unset."""
    # Buffers that are not saved hold the blur's filter, and nothing else restores them.
    module = module.to(dtype=torch.float64).to_empty(device="cpu").eval()
    for part in module.modules():
        if type(part).__name__ in ("BlurPool", "BlurPool2d"):
            part.reset_parameters()
    return module


@torch.no_grad()
def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights, affine parameters and statistics: no norm is the identity, no branch is zero."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            tensor.zero_()
        elif tensor.ndim > 1:
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif name.endswith("var"):
            tensor.uniform_(1.0, 4.0, generator=generator)
        elif name.endswith("weight"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            tensor.normal_(std=0.2, generator=generator)
    return module
