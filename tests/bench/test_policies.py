"""RandAugment and AutoAugment of a batch against torchvision's, operation by operation and pair by pair."""

import pytest
import torch
from torchvision.transforms.v2 import AutoAugment, AutoAugmentPolicy, InterpolationMode, RandAugment

from archkit.bench.augment.operations import OPERATIONS
from archkit.bench.augment.policies import (
    Drawn,
    draw_autoaugment,
    draw_randaugment,
    policy_table,
    with_policy,
)
from archkit.bench.recipe import Augment

CPU = torch.device("cpu")
EXACT_TO_A_BIT = ("Color", "Sharpness", "Brightness")


@pytest.fixture(scope="module")
def images():
    """Smooth images with some texture; not square, so that rows and columns cannot be swapped unnoticed."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(20, 3, 4, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (24, 32), mode="bilinear")
    noisy = smooth * 200 + 40 * torch.rand(20, 3, 24, 32, generator=generator)
    return noisy.to(torch.uint8).contiguous(memory_format=torch.channels_last)


def theirs(transform, images, name, bins, strength, sign):
    make, signed = transform._AUGMENTATION_SPACE[name]
    of_each = make(bins, 24, 32)
    magnitude = 0.0 if of_each is None else float(of_each[strength]) * (sign if signed else 1)
    return transform._apply_image_or_video_transform(
        images, name, magnitude, interpolation=InterpolationMode.NEAREST, fill=transform._fill
    )


def drawn(name, part, sign):
    return Drawn(
        operation=torch.full((1, 20), OPERATIONS.index(name)),
        part=torch.full((1, 20), part),
        sign=torch.full((1, 20), sign),
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_torchvisions(images, name):
    """The same pixels but for the last bit of a sum: one step of grey, or a pixel at the very threshold.

    Where a factor is 1.2, say, every fifth value comes to a whole number but for that bit, and is cut off.
    """
    cases = [(AutoAugment(), 10, strength) for strength in (0, 2, 3, 5, 7, 8, 9)]
    if name != "Invert":  # RandAugment does not
        cases += [(RandAugment(), 31, strength) for strength in (0, 9, 14, 15, 30)]
    for transform, bins, strength in cases:
        if name not in transform._AUGMENTATION_SPACE:  # AutoAugment has no identity
            continue
        for sign in (-1, 1):
            ours = with_policy(images, drawn(name, strength / (bins - 1), sign), invert=True)
            other = theirs(transform, images, name, bins, strength, sign)
            off = (ours.int() - other.int()).abs()
            assert (off > 0).float().mean() < (0.25 if name in EXACT_TO_A_BIT else 0.01)
            if name != "Solarize" and name not in OPERATIONS[1:6]:
                assert off.max() <= 1


@pytest.mark.parametrize("policy", ["cifar10", "imagenet", "svhn"])
def test_the_policies_are_torchvisions(policy):
    table = policy_table(Augment(autoaugment=policy), CPU)
    expected = AutoAugment(AutoAugmentPolicy(policy))._policies
    found = [
        tuple((OPERATIONS[int(o)], round(p, 4), round(9 * part)) for o, p, part in pair)
        for pair in table.tolist()
    ]
    assert found == [tuple((name, p, strength or 0) for name, p, strength in pair) for pair in expected]
    assert policy_table(Augment(), CPU) is None


def test_autoaugment_draws_pairs_evenly_and_operations_with_their_probabilities():
    table = policy_table(Augment(autoaugment="cifar10"), CPU)
    found = draw_autoaugment(100_000, table, torch.Generator().manual_seed(2))
    assert found.operation.shape == (2, 100_000)
    # By hand from the paper's table 7: how often each operation comes, over pairs of equal probability.
    shares = torch.zeros(len(OPERATIONS))
    for pair in AutoAugment(AutoAugmentPolicy.CIFAR10)._policies:
        for name, share, _ in pair:
            shares[OPERATIONS.index(name)] += share / 25
    shares[0] = 2 - shares.sum()  # two operations are drawn, and nothing is done in place of some
    counted = torch.bincount(found.operation.flatten(), minlength=len(OPERATIONS)) / 100_000
    assert (counted - shares).abs().max() < 0.01
    assert abs(found.sign.float().mean()) < 0.01


def test_randaugment_draws_each_operation_as_often():
    augment = Augment(randaugment=3, randaugment_strength=12)
    found = draw_randaugment(20_000, augment, torch.Generator().manual_seed(3))
    counts = torch.bincount(found.operation.flatten(), minlength=15)
    assert counts[14] == 0
    assert counts[:14].min() > 3_950  # 4,286 each, within five standard deviations
    assert torch.unique(found.part).tolist() == pytest.approx([0.4])
    both = torch.stack([*found.operation.float(), *found.sign.float()])
    assert (torch.corrcoef(both) - torch.eye(6)).abs().max() < 0.04


def test_each_image_has_its_own_operations(images):
    """A mixed batch is each image's operations applied to it alone, one after the other."""
    found = draw_randaugment(20, Augment(randaugment=2), torch.Generator().manual_seed(3))
    together = with_policy(images, found, invert=False)
    for i in range(20):
        image = images[i : i + 1]
        for r in range(2):
            image = with_policy(
                image,
                Drawn(
                    operation=found.operation[r : r + 1, i : i + 1],
                    part=found.part[r : r + 1, i : i + 1],
                    sign=found.sign[r : r + 1, i : i + 1],
                ),
                invert=False,
            )
        assert torch.equal(image[0], together[i])


def test_means_and_deviations_are_those_of_torchvisions_transforms(images):
    """Over many draws of both: mean, deviation and share of black pixels of the same images."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(5)
    table = policy_table(Augment(autoaugment="cifar10"), CPU)
    for transform, draw, invert in (
        (RandAugment(), lambda: draw_randaugment(20, Augment(randaugment=2), generator), False),
        (AutoAugment(AutoAugmentPolicy.CIFAR10), lambda: draw_autoaugment(20, table, generator), True),
    ):
        one = torch.stack([with_policy(images, draw(), invert=invert) for _ in range(40)]).float()
        other = torch.stack([transform(image) for _ in range(40) for image in images]).float()
        assert one.mean().item() == pytest.approx(other.mean().item(), rel=0.03)
        assert one.std().item() == pytest.approx(other.std().item(), rel=0.04)
        assert (one == 0).float().mean().item() == pytest.approx((other == 0).float().mean().item(), rel=0.2)
