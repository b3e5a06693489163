"""`Normalised`: a network that takes pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Normalised"]


class Normalised(nn.Module):
    """A network behind the normalisation that its images had in training.

    It is not folded into the first conv: that pads with zeros what is normalised, and so would have to pad
    with the mean.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W pixels, 0 to 255 as float32 -> B x K logits."""
        out: Tensor = self.network((x - self.mean) / self.std)
        return out
