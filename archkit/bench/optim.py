"""Optimizer and schedule of a recipe, as torch's own."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from archkit.bench.recipe import Optimizer, Schedule

__all__ = ["make_optimizer", "make_schedule"]


def make_optimizer(model: nn.Module, config: Optimizer) -> torch.optim.Optimizer:
    """The optimizer over all weights of `model`."""
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in model.parameters():
        # Norms and biases are the parameters of one dimension.
        (decayed if config.decay_norm_bias or parameter.ndim > 1 else others).append(parameter)
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": config.weight_decay}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    match config.name:
        case "sgd":
            return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)
        case "adam":
            return torch.optim.Adam(groups, lr=config.lr)
        case "adadelta":
            return torch.optim.Adadelta(groups, lr=config.lr)


def make_schedule(
    optimizer: torch.optim.Optimizer, config: Schedule, *, epochs: int, steps: int
) -> LRScheduler:
    """The schedule, to be stepped after each training step.

    Args:
        optimizer: whose rate it moves; its rate now is the highest.
        config: of the recipe.
        epochs: of the run.
        steps: of an epoch.
    """
    total = epochs * steps
    if config.name == "onecycle":
        return OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=total,
            pct_start=config.warmup,
            cycle_momentum=config.cycle_momentum,
        )
    rising = round(config.warmup * total)

    def factor(step: int) -> float:
        match config.name:
            case "cosine" if step < rising:
                return (step + 1) / rising
            case "cosine":
                return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / max(1, total - rising))
            case "step":
                return config.divide ** -(step // steps // config.every)
            case _:
                return 1.0

    return LambdaLR(optimizer, factor)
