"""The embedded data set: what it promises, held against a linear model and a small ResNet."""

import numpy as np
import pytest
import torch

from archkit.bench.data import shapes
from archkit.bench.data.load import load_data
from archkit.bench.recipe import load_recipe, override
from archkit.bench.train.engine import train
from archkit.spec import parse


@pytest.fixture(scope="module")
def data():
    return load_data("shapes")


def test_it_is_balanced_and_of_the_promised_size(data):
    assert data.input == (3, 32, 32)
    assert data.classes == shapes.CLASSES
    assert len(data.classes) == 10
    assert np.bincount(data.train_labels).tolist() == [1000] * 10
    assert np.bincount(data.test_labels).tolist() == [200] * 10


def test_a_seed_and_a_stream_decide_every_pixel():
    one, two = shapes.draw(50, 7), shapes.draw(50, 7)
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])
    for other in (shapes.draw(50, 8), shapes.draw(50, 7, stream=1)):
        # Few pixels agree by chance; those clipped to 0 or 255 do.
        assert (one[0] == other[0]).mean() < 0.2


def test_no_test_image_is_among_the_training_images(data):
    seen = {image.tobytes() for image in data.train_images}
    assert len(seen) == len(data.train_images)
    assert not any(image.tobytes() in seen for image in data.test_images)


def test_colours_say_nothing_about_the_class(data):
    """Mean colours of the classes differ by no more than chance: each class has 1000 images."""
    means = data.train_images.mean((2, 3))
    spread = means.std(0) / np.sqrt(1000)
    for label in range(10):
        off = np.abs(means[data.train_labels == label].mean(0) - means.mean(0)) / spread
        assert off.max() < 5, data.classes[label]


def test_each_outline_covers_what_its_formula_says():
    """Area of some shapes of radius 1 by counting grid points, against school geometry."""
    grid = np.linspace(-1.5, 1.5, 1201, dtype=np.float32)
    u, v = np.meshgrid(grid, grid)
    step = float(grid[1] - grid[0]) ** 2
    area = {name: float((outline(u, v) <= 0).sum()) * step for name, outline in shapes._OUTLINES.items()}
    assert area["disc"] == pytest.approx(np.pi * 0.85**2, rel=0.01)
    assert area["ring"] == pytest.approx(np.pi * (0.92**2 - 0.52**2), rel=0.01)
    assert area["square"] == pytest.approx(1.5**2, rel=0.01)
    assert area["frame"] == pytest.approx(1.6**2 - 0.88**2, rel=0.01)
    assert area["triangle"] == pytest.approx(3 * np.sqrt(3) * 0.5**2, rel=0.01)  # of inscribed radius 0.5
    assert area["plus"] == pytest.approx(4 * 0.95 * 0.26 * 2 - 4 * 0.26**2, rel=0.01)
    assert area["bars"] == pytest.approx(2 * 0.48 * 1.7, rel=0.01)


def test_a_linear_model_stays_under_60_percent(data, record_property):
    """Ridge regression on the pixels, the best of three penalties by the test set itself: about 12%."""

    def design(images):
        flat = images.reshape(len(images), -1).astype(np.float32) / 255 - 0.5
        return np.concatenate([flat, np.ones((len(flat), 1), np.float32)], 1)

    X, T = design(data.train_images), design(data.test_images)
    gram, target = X.T @ X, X.T @ np.eye(10, dtype=np.float32)[data.train_labels]
    reached = []
    for penalty in (1e2, 1e3, 1e4):
        weights = np.linalg.solve(gram + penalty * np.eye(len(gram), dtype=np.float32), target)
        reached.append(float(((T @ weights).argmax(1) == data.test_labels).mean()))
    record_property("linear_accuracy", max(reached))
    assert max(reached) < 0.60
    assert max(reached) < 0.20  # what it is today, so that the docstring stays true


def test_a_small_resnet_leaves_the_linear_model_behind_in_a_short_run(data):
    """A fifth of the images, a network that halves their sides first: seconds, and a weaker bound.

    After 8 epochs, the recipe's own, this network is at the steepest part of its curve: four seeds came to 24
    to 40%, and one seed to 24 or 31%, for the order in which a processor adds decides the rest. After 16 they
    came to 67 to 76%. The bound is twice what no linear model reaches (above).
    """
    changes = [("batch_size", 32), ("precision", "float32"), ("epochs", 16)]
    outcome = train(
        parse("[1,1,1]x[8,16,32] stride=[2,2,2]"),
        data.subset(train=2000, test=1000),
        override(load_recipe("demo"), changes),
        seed=0,
        device=torch.device("cpu"),
    )
    assert outcome.test.accuracy > 0.40


@pytest.mark.long
def test_a_small_resnet_passes_90_percent(data):
    spec = parse("[1,1,1]x[16,32,64]")
    outcome = train(spec, data, load_recipe("demo"), seed=0, device=torch.device("cpu"))
    assert outcome.test.accuracy > 0.90
