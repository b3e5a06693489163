"""RandAugment and AutoAugment of a whole batch on the device, with draws for each image.

The operations, their ranges and the policies are those of torchvision's transforms of these names, which draw
once for the whole batch that they are given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from archkit.bench.augment.operations import OPERATIONS, Strength, operated
from archkit.bench.recipe import Augment

__all__ = ["Drawn", "draw_autoaugment", "draw_randaugment", "policy_table", "with_policy"]

_STRONGEST: Final = 30  # RandAugment's last strength
_LAST: Final = 9  # AutoAugment's
_SHEAR: Final = 0.3
_SHIFT: Final = 150 / 331  # of the height or width: what 150 pixels are of ImageNet's images there
_TURN: Final = 30.0  # degrees
_COLOUR: Final = 0.9
_BITS: Final = 4  # that posterizing takes away, at most
_RANDOM: Final = len(OPERATIONS) - 1  # RandAugment does not invert


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """What was drawn for each of B images: R operations, one after the other.

    Attributes:
        operation: R x B, an index into `OPERATIONS`.
        part: R x B, the share of its greatest strength, 0 to 1.
        sign: R x B, 1 or -1; for the operations that have two directions.
    """

    operation: Tensor
    part: Tensor
    sign: Tensor


def draw_randaugment(batch: int, augment: Augment, generator: torch.Generator) -> Drawn:
    """Draws for `batch` images, on the generator's device."""
    size, device = (augment.randaugment, batch), generator.device
    operation = torch.randint(0, _RANDOM, size, generator=generator, device=device)
    part = torch.full(size, augment.randaugment_strength / _STRONGEST, device=device)
    sign = 2 * torch.randint(0, 2, size, generator=generator, device=device) - 1
    return Drawn(operation=operation, part=part, sign=sign)


def policy_table(augment: Augment, device: torch.device) -> Tensor | None:
    """AutoAugment's policy on the device, or None if the recipe has none; made before the first step.

    Returns:
        P pairs x 2 x 3, float32: which of the `OPERATIONS`, with which probability, and of which strength
        as a share of the greatest.
    """
    if augment.autoaugment == "none":
        return None
    from torchvision import transforms  # as in `operated`

    pairs = transforms.AutoAugment(transforms.AutoAugmentPolicy(augment.autoaugment)).policies
    rows = [
        [(float(OPERATIONS.index(name)), share, (strength or 0) / _LAST) for name, share, strength in pair]
        for pair in pairs
    ]
    return torch.tensor(rows).to(device)


def draw_autoaugment(batch: int, policy: Tensor, generator: torch.Generator) -> Drawn:
    """Draws for `batch` images, on the generator's device.

    Args:
        batch: B.
        policy: see `policy_table`.
        generator: for the draws.
    """
    device = generator.device
    pair = torch.randint(0, len(policy), (batch,), generator=generator, device=device)
    operation, share, part = policy.index_select(0, pair).permute(2, 1, 0).unbind(0)
    done = torch.rand((2, batch), generator=generator, device=device) < share
    sign = 2 * torch.randint(0, 2, (2, batch), generator=generator, device=device) - 1
    # The first of the operations changes nothing.
    return Drawn(operation=torch.where(done, operation, 0.0).long(), part=part, sign=sign)


def with_policy(images: Tensor, drawn: Drawn, *, invert: bool) -> Tensor:
    """Images changed as drawn: B x C x H x W, uint8, with C 1 or 3 -> the same in channels-last memory.

    Args:
        images: the images.
        drawn: what was drawn for each of them.
        invert: whether an operation may be the last of the `OPERATIONS`.
    """
    H, W = images.shape[2:]
    for operation, part, sign in zip(drawn.operation, drawn.part, drawn.sign, strict=True):
        strength = Strength(
            shear=part * sign * _SHEAR,
            right=(part * (_SHIFT * W)).floor() * sign,
            down=(part * (_SHIFT * H)).floor() * sign,
            angle=part * sign * (_TURN * math.pi / 180),
            factor=1 + part * sign * _COLOUR,
            bits=(8 - part * _BITS).round().to(torch.int32),
            threshold=255 * (1 - part),
        )
        images = operated(images, operation, strength, invert=invert)
    return images
