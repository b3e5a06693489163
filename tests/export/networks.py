"""Networks to export: with norms that are no identity, as after training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from archkit.export.normalised import Normalised
from archkit.nn import Network, build
from archkit.spec import ArchSpec, parse

SPECS = (
    "[1,1,1]x[16,32,64]",
    "[2,1]x[8,16] block=bottleneck groups=4 stem=deep",
    "[2,1]x[8,16] block=preact",
    "[1,2]x[8,16] block=preact-bottleneck attn=se stem_attn=eca",
    "[1,2]x[8,16] attn=eca aa=avg shortcut=avg bias=yes",
    "[1,1]x[8,16] attn=se-plain aa=blur stem_pool=max",
    "[1,1]x[64,96] shortcut=pad stem=conv7 input=3x31x33",
    "[1,2]x[8,16] block=mbconv act=hswish se=v3",
    "[1,2]x[8,16] block=mbconv act=silu se=input padding=same",
    "[1,2,2]x[8,16,16] block=depthwise stem=conv3s2 act=relu6 input=1x48x48",
    "[1,2]x[8,8] block=depthwise bias=yes stem=conv10x4s2:8 padding=same pool=10x3 input=1x49x10",
    "[1]x[8] stem=conv10x4s2:8 input=2x20x31",
    "[1,1]x[16,16] block=fused-mbconv kernel=5 act=relu6",
    "[1,1]x[16,32] block=regnet group_width=4",
    "[1,1]x[16,32] block=convnext norm=batch act=relu stem=patch2:16",
    "[1,1]x[8,16] block=plain pool=max:2 head_hidden=32",
)
"""One or more of every family, and every layer that the format has."""


OF_PIXELS = (SPECS[0], SPECS[2], SPECS[9])
"""Of three channels and of one; the second begins with a norm of its own."""

MEAN, STD = (125.3, 122.9, 113.9), (63.0, 62.1, 66.7)


def network(spec: ArchSpec | str, seed: int = 0) -> Network:
    """With random weights, and norms that have seen something."""
    torch.manual_seed(seed)
    made = build(spec)
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 2)
                part.weight.uniform_(0.5, 1.5)
                part.bias.normal_(0, 0.2)
            elif type(part).__name__ == "LayerScale":
                part.weight.uniform_(0.5, 1.5)
    return made.eval()


def images(made: Network, count: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """B x C x H x W."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *made.spec.input, generator=generator).numpy()


def pixels(spec: str, count: int, seed: int = 1) -> np.ndarray[Any, Any]:
    """B x C x H x W, 0 to 255 as float32."""
    draw = np.random.default_rng(seed)
    return draw.integers(0, 256, (count, *parse(spec).input)).astype(np.float32)


def normalised(made: Network) -> Normalised:
    """What takes pixels."""
    channels = made.spec.input[0]
    return Normalised(made, MEAN[:channels], STD[:channels]).eval()


def logits(made: Network, of: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What torch computes."""
    with torch.no_grad():
        return made(torch.from_numpy(of)).numpy()
