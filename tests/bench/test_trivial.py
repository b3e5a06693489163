"""TrivialAugment of a batch against torchvision's, operation by operation, and the draws against chance."""

import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode, TrivialAugmentWide

from archkit.bench.augment.trivial import OPERATIONS, Trivial, draw_trivial, trivial

THEIRS = TrivialAugmentWide()


@pytest.fixture(scope="module")
def images():
    """Smooth images with some texture; not square, so that rows and columns cannot be swapped unnoticed."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(20, 3, 4, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (24, 32), mode="bilinear")
    noisy = smooth * 200 + 40 * torch.rand(20, 3, 24, 32, generator=generator)
    return noisy.to(torch.uint8).contiguous(memory_format=torch.channels_last)


def magnitude(name, strength, sign):
    """As torchvision draws it; where its linspace gives 15.999999 for 16 pixels, it would cut them to 15."""
    make, signed = THEIRS._AUGMENTATION_SPACE[name]
    of_each = make(31, 24, 32)
    if of_each is None:
        return 0.0
    return round(float(of_each[strength]), 4) * (sign if signed else 1)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_torchvisions(images, name):
    """The same pixels but for the last bit of a sum: one step of grey, or a pixel at the very threshold."""
    for strength in (0, 1, 7, 15, 16, 24, 30):
        for sign in (-1, 1):
            drawn = Trivial(
                operation=torch.full((20,), OPERATIONS.index(name)),
                strength=torch.full((20,), strength),
                sign=torch.full((20,), sign),
            )
            theirs = THEIRS._apply_image_or_video_transform(
                images,
                name,
                magnitude(name, strength, sign),
                interpolation=InterpolationMode.NEAREST,
                fill=THEIRS._fill,
            )
            ours = trivial(images, drawn)
            assert ours.dtype == torch.uint8
            off = (ours.int() - theirs.int()).abs()
            assert (off > 0).float().mean() < (0.05 if name in ("Color", "Sharpness", "Brightness") else 0.01)
            if name != "Solarize" and name not in OPERATIONS[1:6]:
                assert off.max() <= 1


def test_each_image_has_its_own_operation(images):
    """A mixed batch is each image's operation applied to it alone."""
    drawn = draw_trivial(20, torch.Generator().manual_seed(3))
    together = trivial(images, drawn)
    for i in range(20):
        alone = Trivial(
            operation=drawn.operation[i : i + 1],
            strength=drawn.strength[i : i + 1],
            sign=drawn.sign[i : i + 1],
        )
        assert torch.equal(trivial(images[i : i + 1], alone)[0], together[i])


def test_the_draws_are_uniform_and_independent():
    drawn = draw_trivial(42_000, torch.Generator().manual_seed(2))
    operations = torch.bincount(drawn.operation, minlength=14)
    assert len(operations) == 14
    assert operations.min() > 2_730  # 3,000 each, within five standard deviations
    strengths = torch.bincount(drawn.strength, minlength=31)
    assert len(strengths) == 31
    assert strengths.min() > 1_170  # 1,355 each
    assert set(drawn.sign.unique().tolist()) == {-1, 1}
    both = torch.stack([drawn.operation.float(), drawn.strength.float(), drawn.sign.float()])
    assert (torch.corrcoef(both) - torch.eye(3)).abs().max() < 0.03


def test_means_and_deviations_are_those_of_torchvisions_transform(images):
    """Over many draws of both: mean, deviation and share of black pixels of the same images."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(5)
    ours, theirs = [], []
    for _ in range(60):
        ours.append(trivial(images, draw_trivial(20, generator)).float())
        theirs.append(torch.stack([THEIRS(image) for image in images]).float())
    one, other = torch.stack(ours), torch.stack(theirs)
    assert one.mean().item() == pytest.approx(other.mean().item(), rel=0.03)
    assert one.std().item() == pytest.approx(other.std().item(), rel=0.03)
    assert (one == 0).float().mean().item() == pytest.approx((other == 0).float().mean().item(), rel=0.15)


def test_grey_images_are_changed_too():
    grey = torch.randint(0, 256, (28, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    drawn = Trivial(
        operation=torch.arange(28) % 14, strength=torch.full((28,), 20), sign=torch.ones(28, dtype=torch.long)
    )
    changed = trivial(grey, drawn)
    assert changed.shape == grey.shape
    assert torch.equal(changed[7], grey[7])  # Color: there is none
    assert not torch.equal(changed[6], grey[6])
