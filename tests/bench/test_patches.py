"""RICAP against the paper's definition, pixel by pixel in loops, and its draws against the distribution."""

import pytest
import torch
from torch import nn

from archkit.bench.augment.patches import draw_patches, patched, patches_loss
from archkit.bench.augment.pipeline import augmented, mixed
from archkit.bench.recipe import Augment

H, W = 12, 16


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_an_image_is_made_up_of_crops_of_four():
    """Each quarter is a window of its image, by slices; upper left, upper right, lower left, lower right."""
    x = torch.rand(9, 3, H, W, generator=generator(1))
    drawn = draw_patches(9, H, W, Augment(ricap=0.6), generator(2))
    made = patched(x, drawn)
    assert made.is_contiguous(memory_format=torch.channels_last)
    for b in range(9):
        row, column = int(drawn.row[b]), int(drawn.column[b])
        expected = torch.empty(3, H, W)
        for part in range(4):
            source = x[(b - part) % 9]
            rows = slice(0, row) if part < 2 else slice(row, H)
            columns = slice(0, column) if part % 2 == 0 else slice(column, W)
            height, width = expected[0, rows, columns].shape
            top, left = int(drawn.top[part, b]), int(drawn.left[part, b])
            assert 0 <= top <= H - height
            assert 0 <= left <= W - width
            expected[:, rows, columns] = source[:, top : top + height, left : left + width]
            assert drawn.share[part, b].item() == pytest.approx(height * width / (H * W))
        assert torch.equal(made[b], expected)
    assert len(set(zip(drawn.row.tolist(), drawn.column.tolist(), strict=True))) > 5  # each image its own


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_borders_follow_the_beta_distribution(alpha):
    drawn = draw_patches(20_000, 1000, 1000, Augment(ricap=alpha), generator(3))
    beta = torch.distributions.Beta(alpha, alpha)
    for border in (drawn.row, drawn.column):
        assert (border / 1000).mean().item() == pytest.approx(0.5, abs=0.01)
        assert (border / 1000).var().item() == pytest.approx(beta.variance.item(), rel=0.04)
    assert torch.corrcoef(torch.stack([drawn.row, drawn.column]).float())[0, 1].abs() < 0.03
    torch.testing.assert_close(drawn.share.sum(0), torch.ones(20_000))


def test_the_loss_is_that_against_mixed_one_hot_targets():
    drawn = draw_patches(8, H, W, Augment(ricap=1.0), generator())
    logits, labels = torch.randn(8, 5, generator=generator(1)), torch.arange(8) % 5
    one_hot = nn.functional.one_hot(labels, 5).float()
    target = sum(drawn.share[part][:, None] * one_hot.roll(part, 0) for part in range(4))
    expected = nn.CrossEntropyLoss(label_smoothing=0.1)(logits, target)
    torch.testing.assert_close(patches_loss(logits, labels, drawn, label_smoothing=0.1), expected)


def test_images_that_are_not_mixed_are_left_alone():
    pixels = torch.randint(0, 256, (200, H, W, 3), dtype=torch.uint8, generator=generator())
    zero, one = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)
    augment = Augment(ricap=1.0, mix=0.4)
    given = augmented(pixels, torch.arange(200), augment, generator(4), mean=zero, std=one)
    batch, drawn = mixed(given, augment, generator(4))
    alone = drawn.share[0] == 1
    assert 0.5 < alone.float().mean() < 0.7
    assert torch.equal(batch[alone], pixels.permute(0, 3, 1, 2).float()[alone])
