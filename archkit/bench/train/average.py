"""`Average`: an exponential moving average of a model's weights and buffers."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """The moving average of a model: a model of its own, which can be evaluated.

    At each step torch's `AveragedModel` asks the device whether it is the first step, which waits for a GPU;
    here Python counts the steps.

    Args:
        model: the model that is averaged; the average begins with its weights as they are now.
        decay: share of the old average that a step keeps in the long run. Step t (from 1) keeps
            min(decay, (1 + t) / (10 + t)), so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.steps = 0
        ours, theirs = self.model.state_dict(), model.state_dict()
        self._mean: list[Tensor] = []
        self._latest: list[Tensor] = []
        # Batch norm's counts of batches, which are copied.
        self._counts: list[Tensor] = []
        self._latest_counts: list[Tensor] = []
        for name, tensor in ours.items():
            if tensor.is_floating_point():
                self._mean.append(tensor)
                self._latest.append(theirs[name])
            else:
                self._counts.append(tensor)
                self._latest_counts.append(theirs[name])

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average towards the model as it is now, without waiting for the device."""
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._mean, self._latest, 1 - keep)
        if self._counts:
            torch._foreach_copy_(self._counts, self._latest_counts)
