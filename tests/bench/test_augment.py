"""Augmentation against torchvision's functional transforms, image by image, with the same draws."""

import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from archkit.bench.augment.geometry import Draws, apply, draw, gather
from archkit.bench.recipe import Augment


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """N x H x W x C; not square, so that rows and columns cannot be swapped unnoticed."""
    return torch.randint(
        0, 256, (40, 24, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )


def reference(images, index, draws, *, pad, pad_mode):
    """The same by torchvision: rotate, flip, pad, crop; B x C x H x W."""
    out = []
    for b, i in enumerate(index.tolist()):
        image = images[i].permute(2, 0, 1)
        _, H, W = image.shape
        if draws.angle is not None:
            image = tv.rotate(image, float(draws.angle[b]), interpolation=InterpolationMode.NEAREST)
        if draws.flip is not None and draws.flip[b]:
            image = tv.horizontal_flip(image)
        if draws.top is not None:
            mode = {"zeros": "constant", "reflect": "reflect"}[pad_mode]
            image = tv.crop(
                tv.pad(image, [pad] * 4, padding_mode=mode), int(draws.top[b]), int(draws.left[b]), H, W
            )
        out.append(image)
    return torch.stack(out)


@pytest.mark.parametrize("pad_mode", ["zeros", "reflect"])
@pytest.mark.parametrize("pad", [0, 2, 4])
@pytest.mark.parametrize("flip", [0.0, 0.5, 1.0])
def test_flip_and_crop_are_torchvisions_to_the_pixel(images, flip, pad, pad_mode):
    augment = Augment(flip=flip, pad=pad, pad_mode=pad_mode)
    index = torch.randperm(40)[:30]
    draws = draw(30, augment, torch.Generator().manual_seed(2))
    ours = apply(images, index, draws, pad=pad, pad_mode=pad_mode)
    assert torch.equal(ours, reference(images, index, draws, pad=pad, pad_mode=pad_mode))


@pytest.mark.parametrize("largest", [5, 45, 180])
def test_rotation_is_torchvisions_but_for_ties_of_rounding(images, largest):
    """Both take the nearest pixel; a source within 1e-5 of the middle between two may go either way."""
    augment = Augment(rotate=largest, flip=0.5, pad=2)
    index = torch.arange(40)
    draws = draw(40, augment, torch.Generator().manual_seed(3))
    ours = apply(images, index, draws, pad=2, pad_mode="zeros")
    theirs = reference(images, index, draws, pad=2, pad_mode="zeros")
    assert (ours != theirs).float().mean() < 2e-4


@pytest.mark.parametrize(("angle", "turns"), [(90.0, 1), (180.0, 2), (-90.0, 3)])
def test_quarter_turns_are_exact(angle, turns):
    image = torch.arange(5 * 5 * 3, dtype=torch.uint8).view(1, 5, 5, 3)
    draws = Draws(angle=torch.tensor([angle]))
    turned = apply(image, torch.tensor([0]), draws, pad=0, pad_mode="zeros")
    assert torch.equal(turned[0].permute(1, 2, 0), torch.rot90(image[0], turns))


def test_each_image_has_its_own_draw():
    draws = draw(20_000, Augment(rotate=5, flip=0.5, pad=2), torch.Generator().manual_seed(4))
    assert draws.flip.float().mean().item() == pytest.approx(0.5, abs=0.02)
    for offset in (draws.top, draws.left):
        counts = torch.bincount(offset, minlength=5)
        assert len(counts) == 5
        assert counts.min() > 3_700  # 4,000 each, within five standard deviations
    assert -5 <= draws.angle.min() < -4.9
    assert 4.9 < draws.angle.max() <= 5
    together = torch.stack([draws.top.float(), draws.left.float(), draws.flip.float(), draws.angle])
    off_diagonal = torch.corrcoef(together) - torch.eye(4)
    assert off_diagonal.abs().max() < 0.04


def test_batches_come_in_channels_last_memory(images):
    index = torch.tensor([3, 1])
    for batch in (
        gather(images, index),
        apply(images, index, draw(2, Augment(flip=0.5, pad=2), torch.Generator()), pad=2, pad_mode="zeros"),
    ):
        assert batch.shape == (2, 3, 24, 32)
        assert batch.is_contiguous(memory_format=torch.channels_last)


def test_a_recipe_without_augmentation_draws_nothing(images):
    index = torch.tensor([7])
    draws = draw(1, Augment(), torch.Generator())
    assert torch.equal(apply(images, index, draws, pad=0, pad_mode="zeros")[0], images[7].permute(2, 0, 1))
