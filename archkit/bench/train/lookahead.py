"""`Lookahead` (Zhang et al. 2019): weights that go back part of their way every few steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

__all__ = ["Lookahead"]


class Lookahead:
    """The slow weights, and how many steps the fast ones, those of the network, are ahead of them.

    timm's takes the first slow weights only after the first few steps, and its state is not where a
    checkpoint of the optimizer looks for it.

    Args:
        parameters: of the network, as they are before the first step.
        every: the steps between two returns.
        share: how far from the slow weights to the fast ones both then are.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, every: int, share: float) -> None:
        self._fast = [parameter.detach() for parameter in parameters]
        self.slow: list[Tensor] = [tensor.clone() for tensor in self._fast]
        self.every, self.share = every, share
        self.ahead = 0

    @torch.no_grad()
    def update(self) -> None:
        """Is called after each step; does not wait for the device."""
        self.ahead += 1
        if self.ahead == self.every:
            self.ahead = 0
            torch._foreach_lerp_(self.slow, self._fast, self.share)
            torch._foreach_copy_(self._fast, self.slow)

    def restore(self, slow: Sequence[Tensor], ahead: int) -> None:
        """Takes back what `slow` and `ahead` were."""
        torch._foreach_copy_(self.slow, list(slow))
        self.ahead = ahead
