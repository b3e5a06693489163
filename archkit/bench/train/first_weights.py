"""The weights with which a network begins, where its recipe wants others than those that are drawn for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor, nn

from archkit.bench.recipe import Initialise
from archkit.bench.train.mapped_images import Images
from archkit.errors import RunError

__all__ = ["covariance", "first_weights"]

_LOOKED_AT: Final = 5000  # images whose patches are taken
_PIXELS: Final = _LOOKED_AT * 32 * 32  # of large images, fewer have as many patches
_AT_ONCE: Final = 2**27  # numbers in patches, 1 GiB
_LEAST: Final = 1e-4  # of an eigenvalue, of pixels with deviation 1: below it a direction shows noise alone


@torch.no_grad()
def first_weights(model: nn.Module, config: Initialise, images: Images, mean: Tensor, std: Tensor) -> None:
    """Puts them in place of those that were drawn.

    Args:
        model: a network of archkit's.
        config: which.
        images: N x H x W x C, uint8, those that will be trained on.
        mean: C x 1 x 1, by which they are normalised.
        std: C x 1 x 1, likewise.

    Raises:
        RunError: the network does not begin with a conv that sees all channels.
    """
    convs = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if not convs:
        raise RunError("initialise is for networks with convs, and this one has none")
    stem, *others = convs
    if config.dirac:
        for conv in others:
            if conv.groups == 1 and conv.kernel_size != (1, 1):
                # A slice: where there are more filters than channels, torch would set the rest to 0.
                nn.init.dirac_(conv.weight[: conv.in_channels])
    if config.whitening:
        C, (height, width) = stem.in_channels, _kernel(stem)
        if images.shape[3] != C or stem.groups != 1:
            raise RunError("initialise.whitening is for networks that begin with a conv over all channels")
        if min(images.shape[1:3]) < max(height, width):
            raise RunError(
                f"initialise.whitening needs images of at least {height}x{width}, as the first conv"
            )
        some = images[: max(1, min(_LOOKED_AT, _PIXELS // (images.shape[1] * images.shape[2])))]
        pixels = (some.permute(0, 3, 1, 2).float() - mean) / std
        filters = _whitening(covariance(pixels.cpu().double(), height, width), stem.out_channels)
        weight = filters.view(-1, C, height, width).to(stem.weight)
        stem.weight[: len(weight)].copy_(weight)


def covariance(pixels: Tensor, height: int, width: int) -> Tensor:
    """The covariance of the patches of B x C x H x W images: D x D, where D is C x height x width."""
    B, C, H, W = pixels.shape
    D, of_image = C * height * width, (H - height + 1) * (W - width + 1)
    each = max(1, _AT_ONCE // (D * of_image))

    def patches() -> Iterator[Tensor]:
        for some in torch.split(pixels, each):
            yield nn.functional.unfold(some, (height, width)).transpose(1, 2).flatten(0, 1)

    total = pixels.new_zeros(D)
    for some in patches():
        total += some.sum(0)
    mean, products = total / (B * of_image), pixels.new_zeros(D, D)
    for some in patches():
        apart = some - mean
        products += apart.t() @ apart
    return products / (B * of_image)


def _whitening(of_patches: Tensor, out: int) -> Tensor:
    """At most `out` filters, a row each: the directions of the greatest variance, then their negatives."""
    values, vectors = torch.linalg.eigh(of_patches)  # in ascending order, a column each
    kept = vectors.t().flip(0) / values.flip(0).clamp(min=_LEAST).sqrt()[:, None]
    kept = kept[: max(1, out // 2)]
    # An eigenvector's sign is the library's choice; here its largest part is positive.
    largest = kept.gather(1, kept.abs().argmax(1, keepdim=True))
    kept = kept * largest.sign()
    return torch.cat([kept, -kept])[:out]


def _kernel(conv: nn.Conv2d) -> tuple[int, int]:
    height, width = conv.kernel_size
    return height, width
