"""The optimizer and the schedule of a recipe, as torch's own objects."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from archkit.bench.recipe import Optimizer, Schedule
from archkit.bench.train.muon import Muon
from archkit.errors import RunError, likely

__all__ = ["make_optimizer", "make_schedule"]


def make_optimizer(model: nn.Module, config: Optimizer) -> torch.optim.Optimizer:
    """The optimizer over all weights of `model`.

    Raises:
        RunError: there is no such optimizer here, or it cannot be used.
    """
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    apart = not config.decay_norm_bias or config.norm_bias_lr != 1 or config.norm_bias_decay != 1
    for parameter in model.parameters():
        # Norms and biases are the parameters with one dimension.
        (others if apart and parameter.ndim <= 1 else decayed).append(parameter)
    groups: list[dict[str, Any]] = [{"params": decayed, "weight_decay": config.weight_decay}]
    if others:
        decay = config.weight_decay * config.norm_bias_decay if config.decay_norm_bias else 0.0
        groups.append({"params": others, "weight_decay": decay})
        if config.norm_bias_lr != 1:
            groups[1]["lr"] = config.lr * config.norm_bias_lr
    fused = _fused(model)
    match config.name:
        case "sgd":
            return torch.optim.SGD(
                groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov, fused=fused
            )
        case "adam":
            return torch.optim.Adam(groups, lr=config.lr, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr=config.lr, fused=fused)
        case "adadelta":
            return torch.optim.Adadelta(groups, lr=config.lr)
        case "muon":
            return Muon(groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)
        case _:
            return _timm(groups, config)


def _fused(model: nn.Module) -> bool | None:
    """True on a GPU, where one kernel for all weights saves passes over them; else None: torch chooses."""
    return True if all(parameter.is_cuda for parameter in model.parameters()) else None


def _timm(groups: list[dict[str, Any]], config: Optimizer) -> torch.optim.Optimizer:
    """One of timm's optimizers, with timm's defaults for everything that the recipe does not say."""
    import timm.optim

    name = config.name.removeprefix("timm:")
    known = [str(other) for other in timm.optim.list_optimizers()]  # type: ignore[attr-defined]  # timm's lacks __all__
    if name not in known:
        raise RunError(f"timm has no optimizer {name!r}; {likely(name, known)}")
    own: dict[str, Any] = {}
    if config.momentum:
        if not timm.optim.get_optimizer_info(name).has_momentum:  # type: ignore[attr-defined]  # likewise
            raise RunError(f"timm's optimizer {name} takes no momentum: set optimizer.momentum=0")
        own["momentum"] = config.momentum
    try:
        made: torch.optim.Optimizer = timm.optim.create_optimizer_v2(  # type: ignore[attr-defined]  # likewise
            groups, opt=name, lr=config.lr, weight_decay=config.weight_decay, **own
        )
    # timm raises these if an optimizer needs a package that is missing, or takes no such argument.
    except (AssertionError, ImportError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"timm's optimizer {name} cannot be used here: {reason}") from error
    return made


def make_schedule(
    optimizer: torch.optim.Optimizer, config: Schedule, *, epochs: int, steps: int
) -> LRScheduler:
    """The schedule, to be stepped after each training step.

    Args:
        optimizer: the optimizer whose learning rate it moves; its rate now is the highest.
        config: the recipe's schedule.
        epochs: how many the run has.
        steps: how many an epoch has.

    Raises:
        RunError: the optimizer has no momentum that could be moved.
    """
    total = epochs * steps
    if config.name == "onecycle":
        try:
            return OneCycleLR(
                optimizer,
                max_lr=[group["lr"] for group in optimizer.param_groups],
                total_steps=total,
                pct_start=config.warmup,
                cycle_momentum=config.cycle_momentum,
            )
        except ValueError as error:  # one of timm's optimizers that has neither
            raise RunError(f"schedule.cycle_momentum cannot be used here: {error}") from error
    rising, flat = round(config.warmup * total), round(config.flat * total)

    def factor(step: int) -> float:
        match config.name:
            case "cosine" if step < rising:
                return (step + 1) / rising
            case "cosine" if config.floor:
                fallen = min(1.0, (step - rising) / max(1, total - flat - rising))
                return config.floor + (1 - config.floor) * (0.5 + 0.5 * math.cos(math.pi * fallen))
            case "cosine":
                return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / max(1, total - rising))
            case "step":
                return config.divide ** -(step // steps // config.every)
            case _:
                return 1.0

    return LambdaLR(optimizer, factor)
