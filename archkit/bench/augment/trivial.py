"""TrivialAugment (wide) of a whole batch on the device: an operation and a strength drawn for each image.

The operations and their ranges are those of `torchvision.transforms.v2.TrivialAugmentWide`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from archkit.bench.augment import operations
from archkit.bench.augment.operations import Strength, operated

__all__ = ["OPERATIONS", "Trivial", "draw_trivial", "trivial"]

OPERATIONS: Final = operations.OPERATIONS[:-1]  # it does not invert

_BINS: Final = 31  # strengths of an operation
_SHARPEST: Final = 0.99
_SHIFT: Final = 32.0  # pixels
_TURN: Final = 135.0  # degrees


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trivial:
    """What was drawn for each of B images.

    Attributes:
        operation: B, an index into `OPERATIONS`.
        strength: B, of 0..30.
        sign: B, 1 or -1; for the operations that have two directions.
    """

    operation: Tensor
    strength: Tensor
    sign: Tensor


def draw_trivial(batch: int, generator: torch.Generator) -> Trivial:
    """Draws for `batch` images, on the generator's device."""
    device = generator.device

    def below(end: int) -> Tensor:
        return torch.randint(0, end, (batch,), generator=generator, device=device)

    return Trivial(operation=below(len(OPERATIONS)), strength=below(_BINS), sign=2 * below(2) - 1)


def trivial(images: Tensor, drawn: Trivial) -> Tensor:
    """Images changed as drawn: B x C x H x W, uint8, with C 1 or 3 -> the same in channels-last memory."""
    part = drawn.strength / (_BINS - 1)  # 0..1
    shift = (part * _SHIFT).floor() * drawn.sign
    strength = Strength(
        shear=part * drawn.sign * _SHARPEST,
        right=shift,
        down=shift,
        angle=part * drawn.sign * (_TURN * math.pi / 180),
        factor=1 + part * drawn.sign * _SHARPEST,
        bits=(8 - drawn.strength / ((_BINS - 1) / 6)).round().to(torch.int32),
        threshold=255 * (1 - part),
    )
    return operated(images, drawn.operation, strength)
