"""Mixup, CutMix, cutout and random erasing against torchvision's transforms on the same images."""

import math

import pytest
import torch
from torch import nn
from torchvision.transforms.v2 import CutMix, RandomErasing

from archkit.bench.augment import pipeline
from archkit.bench.augment.erasing import draw_cutout, draw_erasing
from archkit.bench.augment.mixing import draw_mix, mix, mixed_loss
from archkit.bench.recipe import Augment

H, W = 24, 32


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count, channels=1):
    return torch.rand(count, channels, H, W, generator=generator(9))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_of_mixup_follow_the_beta_distribution(alpha):
    drawn = draw_mix(20_000, H, W, Augment(mixup=alpha), generator())
    beta = torch.distributions.Beta(alpha, alpha)
    assert drawn.share.mean().item() == pytest.approx(0.5, abs=0.02)
    assert drawn.share.var().item() == pytest.approx(beta.variance.item(), rel=0.05)
    assert not drawn.cut.any()


@pytest.mark.parametrize(
    ("alpha", "between"),
    [
        (1e-6, 0.0),
        (0.001, 0.001 * math.log(9)),  # the density is alpha / (2 x (1 - x)) there, but for alpha squared
        (0.5, 2 / math.pi * (math.asin(0.9**0.5) - math.asin(0.1**0.5))),  # the arcsine law
        (1.0, 0.8),  # uniform
        (1e6, 1.0),
    ],
)
def test_the_share_of_middling_shares_is_the_distributions_however_small_alpha_is(alpha, between):
    share = draw_mix(50_000, H, W, Augment(mixup=alpha), generator(5)).share.double()
    found = ((share >= 0.1) & (share <= 0.9)).double().mean().item()
    assert found == pytest.approx(between, abs=4 * (between * (1 - between) / 50_000) ** 0.5 + 1e-4)
    assert share.mean().item() == pytest.approx(0.5, abs=0.01)
    assert share.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_mixup_blends_an_image_with_the_one_before_it():
    x, drawn = images(6, 3), draw_mix(6, H, W, Augment(mixup=1.0), generator())
    share = drawn.share[:, None, None, None]
    torch.testing.assert_close(mix(x, drawn), share * x + (1 - share) * x.roll(1, 0))
    assert len(drawn.share.unique()) == 6  # each image its own


def test_a_cut_is_a_rectangle_and_its_area_is_the_share():
    x = images(500)
    drawn = draw_mix(500, H, W, Augment(cutmix=1.0), generator(1))
    mixed, other = mix(x, drawn), x.roll(1, 0)
    taken = drawn.inside
    assert torch.equal(mixed[taken], other[taken])
    assert torch.equal(mixed[~taken], x[~taken])
    torch.testing.assert_close(drawn.share, 1 - taken.float().mean((1, 2, 3)))
    rows, columns = taken.any(3)[:, 0].sum(1), taken.any(2)[:, 0].sum(1)
    assert torch.equal(rows * columns, taken.sum((1, 2, 3)))


def test_cutmix_has_torchvisions_statistics():
    """Their transform draws for the whole batch, so it is called for a pair of images at a time."""
    torch.manual_seed(0)
    theirs_of = CutMix(alpha=1.0, num_classes=2)
    x, labels = torch.stack([torch.zeros(1, H, W), torch.ones(1, H, W)]), torch.tensor([0, 1])
    taken, shares = [], []
    for _ in range(4000):
        mixed, target = theirs_of(x, labels)
        taken.append(mixed[0, 0])
        shares.append(target[0, 0])
    theirs, their_shares = torch.stack(taken), torch.stack(shares)
    drawn = draw_mix(20_000, H, W, Augment(cutmix=1.0), generator(2))
    ours = drawn.inside[:, 0].float()
    assert drawn.share.mean().item() == pytest.approx(their_shares.mean().item(), abs=0.02)
    assert drawn.share.std().item() == pytest.approx(their_shares.std().item(), abs=0.02)
    assert (ours.mean(0) - theirs.mean(0)).abs().max() < 0.05  # each pixel as often


def test_both_and_neither():
    drawn = draw_mix(20_000, H, W, Augment(mixup=1.0, cutmix=1.0, mix=0.6), generator(3))
    alone = drawn.share == 1
    # A cut about a border pixel may also come out empty.
    assert 0.38 < alone.float().mean() < 0.46
    assert drawn.cut.float().mean().item() == pytest.approx(0.5, abs=0.02)
    x = images(20_000)
    assert torch.equal(mix(x, drawn)[alone & drawn.cut], x[alone & drawn.cut])
    torch.testing.assert_close(mix(x, drawn)[alone & ~drawn.cut], x[alone & ~drawn.cut])


def test_the_loss_is_that_against_mixed_one_hot_targets():
    drawn = draw_mix(8, H, W, Augment(mixup=1.0), generator())
    logits = torch.randn(8, 5, generator=generator(1))
    labels = torch.arange(8) % 5
    one_hot = nn.functional.one_hot(labels, 5).float()
    share = drawn.share[:, None]
    target = share * one_hot + (1 - share) * one_hot.roll(1, 0)
    expected = nn.CrossEntropyLoss(label_smoothing=0.1)(logits, target)
    torch.testing.assert_close(mixed_loss(logits, labels, drawn, label_smoothing=0.1), expected)


def test_random_erasing_has_torchvisions_statistics():
    torch.manual_seed(0)
    theirs_of = RandomErasing(p=0.5)
    theirs = torch.stack([theirs_of(torch.ones(1, H, W)) == 0 for _ in range(6000)])[:, 0]
    ours = draw_erasing(20_000, H, W, 0.5, generator(1))[:, 0]
    for one, other in ((ours, theirs), (ours.any(1), theirs.any(1)), (ours.any(2), theirs.any(2))):
        assert one.float().mean().item() == pytest.approx(other.float().mean().item(), rel=0.05)
    hit = ours.any((1, 2))
    assert hit.float().mean().item() == pytest.approx(0.5, abs=0.02)
    area = ours[hit].float().mean((1, 2))
    assert 0.01 < area.min() < area.max() < 0.36
    assert (ours.float().mean(0) - theirs.float().mean(0)).abs().max() < 0.03


@pytest.mark.parametrize("side", [1, 8, 9, 16])
def test_cutout_is_a_square_about_any_pixel(side):
    erased = draw_cutout(20_000, H, W, side, generator())[:, 0]
    rows, columns = erased.any(2).sum(1), erased.any(1).sum(1)
    assert torch.equal(rows * columns, erased.sum((1, 2)))
    assert rows.max() == columns.max() == side
    assert rows.min() == columns.min() == side - side // 2  # at a corner, what is left of it
    # Each centre is as likely: a pixel far from the borders is hit by side * side of H * W centres.
    middle = erased[:, H // 2 - 2 : H // 2 + 2, W // 2 - 2 : W // 2 + 2].float().mean()
    assert middle.item() == pytest.approx(side * side / (H * W), rel=0.15)


def test_what_is_erased_shows_the_mean():
    pixels = torch.randint(0, 256, (10, 8, 8, 3), dtype=torch.uint8, generator=generator())
    mean, std = torch.full((3, 1, 1), 120.0), torch.full((3, 1, 1), 60.0)
    for augment in (Augment(cutout=4), Augment(erase=1.0)):
        batch = pipeline.augmented(pixels, torch.arange(10), augment, generator(), mean=mean, std=std)
        same, drawn = pipeline.mixed(batch, augment, generator())
        assert same is batch
        assert drawn is None
        plain = (pixels.permute(0, 3, 1, 2).float() - mean) / std
        changed = (batch != plain).any(1)
        assert changed.any((1, 2)).sum() >= 9
        assert (batch.permute(0, 2, 3, 1)[changed] == 0).all()
        assert batch.is_contiguous(memory_format=torch.channels_last)
