"""Mixup and CutMix of a whole batch on the device, each image with its own draw.

An image is mixed with the one before it in the batch, as torchvision does; the order of the images is
random, so the partner is. torchvision's transforms draw one share for the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from archkit.bench.recipe import Augment

__all__ = ["Mix", "draw_mix", "mix", "mixed_loss"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mix:
    """What was drawn for each of B images.

    Attributes:
        share: B, float32, of the image's own pixels and of its own label; 1 for an image left alone.
        cut: B, bool, whether a rectangle is taken over rather than all pixels blended.
        inside: B x 1 x H x W, bool, the rectangle.
    """

    share: Tensor
    cut: Tensor
    inside: Tensor


def draw_mix(batch: int, height: int, width: int, augment: Augment, generator: torch.Generator) -> Mix:
    """Draws for `batch` images, on the generator's device.

    Args:
        batch: B.
        height: of the images.
        width: of the images.
        augment: its `mixup`, `cutmix` and `mix`; one of the first two is positive.
        generator: of the draws.
    """
    device = generator.device

    def uniform() -> Tensor:
        return torch.rand(batch, generator=generator, device=device)

    if augment.mixup and augment.cutmix:
        cut = uniform() < 0.5
        alpha = torch.where(cut, augment.cutmix, augment.mixup)
    else:
        cut = torch.full((batch,), augment.cutmix > 0, device=device)
        alpha = torch.full((batch,), augment.cutmix or augment.mixup, device=device)
    share = _beta(alpha, generator)
    # CutMix: a rectangle of the image's proportions about a random pixel, cut off at the borders; the share
    # is what is left of the image.
    half = 0.5 * (1 - share).sqrt()
    y, x = (uniform() * height).floor(), (uniform() * width).floor()
    half_h, half_w = (half * height).floor(), (half * width).floor()
    top, bottom = (y - half_h).clamp(min=0), (y + half_h).clamp(max=height)
    left, right = (x - half_w).clamp(min=0), (x + half_w).clamp(max=width)
    share = torch.where(cut, 1 - (bottom - top) * (right - left) / (height * width), share)
    if augment.mix < 1:
        alone = uniform() >= augment.mix
        share = torch.where(alone, 1.0, share)
        bottom = torch.where(alone, top, bottom)
    rows = torch.arange(height, device=device)
    columns = torch.arange(width, device=device)
    in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
    in_columns = (columns >= left[:, None]) & (columns < right[:, None])
    return Mix(share=share, cut=cut, inside=(in_rows[:, :, None] & in_columns[:, None, :])[:, None])


def mix(images: Tensor, drawn: Mix) -> Tensor:
    """Images mixed as drawn: B x C x H x W, float -> the same."""
    other = torch.cat([images[-1:], images[:-1]])  # as roll(1, 0), which gives up the memory format
    share = drawn.share[:, None, None, None]
    # The pixels that are the image's own: all or nothing where cut, a share of each where blended.
    own = torch.where(drawn.cut[:, None, None, None], (~drawn.inside).float(), share)
    return other + own * (images - other)


def mixed_loss(logits: Tensor, labels: Tensor, drawn: Mix, *, label_smoothing: float) -> Tensor:
    """Mean cross entropy against both labels of each image, by their shares.

    Args:
        logits: B x K.
        labels: B, the images' own.
        drawn: as the images were mixed.
        label_smoothing: share of each target spread over all classes.
    """
    smooth, none = label_smoothing, "none"
    own = torch.nn.functional.cross_entropy(logits, labels, reduction=none, label_smoothing=smooth)
    other = torch.nn.functional.cross_entropy(
        logits, labels.roll(1, 0), reduction=none, label_smoothing=smooth
    )
    return (drawn.share * own + (1 - drawn.share) * other).mean()


def _beta(alpha: Tensor, generator: torch.Generator) -> Tensor:
    """A draw of Beta(alpha, alpha) for each alpha."""
    # torch.distributions takes no generator; these are the draws that its Beta is made of.
    one = torch._standard_gamma(alpha, generator=generator)
    two = torch._standard_gamma(alpha, generator=generator)
    return one / (one + two).clamp(min=torch.finfo(one.dtype).tiny)
