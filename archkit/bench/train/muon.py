"""`Muon`: torch's Muon, which takes matrices, for the weights of convs too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from archkit.errors import RunError

__all__ = ["Muon", "matrix"]


class Muon(torch.optim.Optimizer):
    """Muon for weights of two and more dimensions, SGD with momentum for norms and biases.

    The arithmetic is torch's own, of `torch.optim.Muon` and `torch.optim.SGD`. The weights of a conv are
    taken as the matrix of their filters, a row each, as Jordan et al. 2024 have it.

    Args:
        groups: of parameters, with `weight_decay` and, if another one is meant, `lr`.
        lr: the learning rate.
        momentum: of both.
        nesterov: whether it is Nesterov's, likewise.

    Raises:
        RunError: this torch has no Muon.
    """

    def __init__(self, groups: list[dict[str, Any]], *, lr: float, momentum: float, nesterov: bool) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise RunError(f"optimizer.name=muon needs torch 2.9 or later, and this is {torch.__version__}")
        super().__init__(groups, {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": 0.0})
        apart: list[dict[str, Any]] = []
        for group in self.param_groups:
            for matrices in (True, False):
                of_one = [p for p in group["params"] if (p.ndim > 1) == matrices]
                if of_one:
                    apart.append({**group, "params": of_one, "matrices": matrices})
        self.param_groups = apart

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch's has overloads
        """Moves the weights by their gradients."""
        from torch.optim._muon import DEFAULT_A, DEFAULT_B, DEFAULT_C, DEFAULT_NS_STEPS, EPS, muon
        from torch.optim.sgd import sgd

        loss = None if closure is None else closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            gradients = [p.grad for p in parameters]
            buffers = [self.state[p].get("momentum_buffer") for p in parameters]
            moves: dict[str, Any] = {
                name: group[name] for name in ("lr", "momentum", "nesterov", "weight_decay")
            }
            if group["matrices"]:
                for p in parameters:
                    self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                buffers = [self.state[p]["momentum_buffer"] for p in parameters]
                muon(
                    *([matrix(tensor) for tensor in tensors] for tensors in (parameters, gradients, buffers)),
                    **moves,
                    ns_coefficients=(DEFAULT_A, DEFAULT_B, DEFAULT_C),
                    ns_steps=DEFAULT_NS_STEPS,
                    eps=EPS,
                    adjust_lr_fn=None,
                    has_complex=False,
                )
                continue
            sgd(parameters, gradients, buffers, **moves, dampening=0.0, maximize=False)
            for p, buffer in zip(parameters, buffers, strict=True):
                if buffer is not None:
                    self.state[p]["momentum_buffer"] = buffer
        return loss


def matrix(tensor: Tensor | nn.Parameter) -> Tensor:
    """The same memory as a matrix with a row for each filter.

    The order of the columns is that of the memory; Muon's step does not depend on it.
    """
    if tensor.is_contiguous():
        return tensor.flatten(1)
    return tensor.permute(0, *range(2, tensor.ndim), 1).flatten(1)
