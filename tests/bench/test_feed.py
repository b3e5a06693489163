"""What steps are given, whether the images of one batch are augmented at once or of several."""

import numpy as np
import pytest
import torch

from archkit.bench.recipe import load_recipe, override
from archkit.bench.train.device_data import DeviceData, Labelled
from archkit.bench.train.feed import Feed
from archkit.bench.train.trainer import Trainer
from archkit.spec import parse
from tests.bench.test_step import META, Seen, trainer_of

__all__ = ["trainer_of"]

CPU = torch.device("cpu")
IMAGES = 22


@pytest.fixture
def data():
    """Images whose every pixel says which of them it is of."""
    labels = torch.arange(IMAGES)
    images = labels.to(torch.uint8)[:, None, None, None].expand(IMAGES, 8, 8, 3).contiguous()
    part = Labelled(images=images, labels=labels)
    return DeviceData(train=part, validation=part, test=part, mean=torch.zeros(3), std=torch.ones(3))


def feed_of(data, together, **changes):
    recipe = override(load_recipe("fast"), [("batch_size", 4), ("drop_last", False), *changes.items()])
    return Feed(data, recipe, seed=3, device=CPU, together=together)


@pytest.mark.parametrize("together", [1, 2, 3, 6, 100])
def test_each_batch_comes_with_its_own_images(data, together):
    """A border of 0 may come in from the crop, and a hole from cutout; all else is of the image."""
    feed = feed_of(data, together, **{"augment.cutout": 3})
    batches = feed.batches()
    ready = list(feed.ready(batches, 0))
    assert [index.tolist() for index, _ in ready] == [index.tolist() for index in batches]
    assert [len(index) for index, _ in ready] == [4, 4, 4, 4, 4, 2]
    assert sorted(torch.cat([index for index, _ in ready]).tolist()) == list(range(IMAGES))
    for index, pixels in ready:
        assert pixels.shape == (len(index), 3, 8, 8)
        assert pixels.is_contiguous(memory_format=torch.channels_last)
        for number, image in zip(index.tolist(), pixels, strict=True):
            assert set(image.unique().tolist()) <= {0.0, float(number)}
            assert number == 0 or (image == number).float().mean() > 0.2


def test_without_draws_the_images_are_the_same_to_the_bit(data):
    plain = {"augment.flip": 0.0, "augment.pad": 0, "augment.cutout": 0}
    ones, several = (feed_of(data, together, **plain) for together in (1, 3))
    for (index, pixels), (other, same) in zip(
        ones.ready(ones.batches(), 0), several.ready(several.batches(), 0), strict=True
    ):
        assert torch.equal(index, other)
        assert torch.equal(pixels, same)


def test_each_image_of_several_batches_has_a_draw_of_its_own():
    """The shares of flips, and of each place of the crop, are as in batches of one."""
    images = torch.zeros(3000, 8, 8, 3, dtype=torch.uint8)
    images[:, 3, 2] = 255
    part = Labelled(images=images, labels=torch.zeros(3000, dtype=torch.int64))
    data = DeviceData(train=part, validation=part, test=part, mean=torch.zeros(3), std=torch.ones(3))
    changes = {"augment.flip": 0.5, "augment.pad": 2, "augment.pad_mode": "zeros", "augment.cutout": 0}
    feed = feed_of(data, 50, **changes)
    places = torch.cat([pixels[:, 0].flatten(1).argmax(1) for _, pixels in feed.ready(feed.batches(), 0)])
    seen = np.bincount(places.numpy(), minlength=64).reshape(8, 8)
    expected = np.zeros((8, 8))
    expected[1:6, 0:5] += 1500 / 25
    expected[1:6, 3:8] += 1500 / 25
    assert (seen[expected == 0] == 0).all()
    assert np.abs(seen - expected).max() < 5 * np.sqrt(expected.max())


def test_only_a_gpu_augments_several_at_once(data):
    assert feed_of(data, None)._together == 1


def test_the_draws_of_a_cpu_are_those_of_single_steps(tiny, brief):
    """Results that were recorded on a CPU are found again: an epoch draws as its steps do one by one."""
    spec, recipe = parse("[1]x[4] input=3x8x8 classes=3"), override(brief, [("augment.mixup", 0.5)])
    whole, single = (
        Trainer(spec, DeviceData.of(tiny, recipe, CPU), recipe, seed=1, device=CPU) for _ in "12"
    )
    whole.epoch(lambda _step: None)
    single.model.train()
    for index in single.feed.batches():
        single.step(index)
    for one, other in zip(whole.model.parameters(), single.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_several_at_once_take_fewer_launches(trainer_of):
    """By a count of torch's operations on a device without values, for the recipe that augments most."""
    trainer = trainer_of(load_recipe("strong"))
    steps = [torch.arange(8, device=META)] * 8
    counts = []
    for together in (1, 8):
        trainer.feed._together = together
        with Seen() as seen:
            ready = list(trainer.feed.ready(steps, 0))
        assert len(ready) == 8
        counts.append(len(seen.operations))
    assert counts[0] > 6 * counts[1]
