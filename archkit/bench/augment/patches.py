"""RICAP (Takahashi et al. 2018): an image made up of parts of four, and the loss against their four labels.

The paper draws one pair of borders for a whole batch; here each image has its own. The four are the image and
the three before it in the batch, which is in random order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from archkit.bench.augment.mixing import beta
from archkit.bench.recipe import Augment

__all__ = ["Patches", "draw_patches", "patched", "patches_loss"]

_PARTS: Final = (
    4  # the upper left, which is of the image itself, the upper right, the lower left, the lower right
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Patches:
    """What was drawn for each of B images.

    Attributes:
        row: B, how many rows the upper parts have.
        column: B, how many columns the left parts have.
        top: 4 x B, the row of its image in which a part begins.
        left: 4 x B, the column.
        share: 4 x B, float32, how much of the whole area each part has, and each label of the loss.
    """

    row: Tensor
    column: Tensor
    top: Tensor
    left: Tensor
    share: Tensor


def draw_patches(
    batch: int, height: int, width: int, augment: Augment, generator: torch.Generator
) -> Patches:
    """Draws for `batch` images, on the generator's device; `ricap` and `mix` of `augment` are used."""
    device = generator.device
    alpha = torch.full((2, batch), augment.ricap, device=device)
    row, column = beta(alpha, generator).unbind(0)
    row, column = (row * height).round().long(), (column * width).round().long()
    if augment.mix < 1:
        alone = torch.rand(batch, generator=generator, device=device) >= augment.mix
        row, column = torch.where(alone, height, row), torch.where(alone, width, column)
    rows = torch.stack([row, row, height - row, height - row])
    columns = torch.stack([column, width - column, column, width - column])

    def begins(room: Tensor) -> Tensor:
        """A whole number from 0 to `room`."""
        uniform = torch.rand(room.shape, generator=generator, device=device)
        return (uniform * (room + 1)).floor().long().minimum(room)

    return Patches(
        row=row,
        column=column,
        top=begins(height - rows),
        left=begins(width - columns),
        share=(rows * columns) / (height * width),
    )


def patched(images: Tensor, drawn: Patches) -> Tensor:
    """Images made up as drawn: B x C x H x W, float -> the same, in channels-last memory."""
    B, C, H, W = images.shape
    device = images.device
    y = torch.arange(H, device=device)[None, :, None]
    x = torch.arange(W, device=device)[None, None, :]
    row, column = drawn.row[:, None, None], drawn.column[:, None, None]
    lower, right = y >= row, x >= column
    part = (2 * lower.long() + right).view(B, H * W)
    own = torch.arange(B, device=device)[:, None]
    source = (own - part) % B
    source_y = y - torch.where(lower, row, 0) + drawn.top.t().gather(1, part).view(B, H, W)
    source_x = x - torch.where(right, column, 0) + drawn.left.t().gather(1, part).view(B, H, W)
    flat = (source.view(B, H, W) * H + source_y) * W + source_x
    pixels = images.permute(0, 2, 3, 1).reshape(B * H * W, C)
    return pixels.index_select(0, flat.reshape(-1)).view(B, H, W, C).permute(0, 3, 1, 2)


def patches_loss(logits: Tensor, labels: Tensor, drawn: Patches, *, label_smoothing: float) -> Tensor:
    """Mean cross entropy against the four labels of each image, weighted by their shares.

    Args:
        logits: B x K.
        labels: B, the images' own.
        drawn: how the images were made up.
        label_smoothing: share of each target that is spread over all classes.
    """
    losses = [
        torch.nn.functional.cross_entropy(
            logits, labels.roll(part, 0), reduction="none", label_smoothing=label_smoothing
        )
        for part in range(_PARTS)
    ]
    return (drawn.share * torch.stack(losses)).sum(0).mean()
