"""Sizes of images that grow, flips that alternate, and six views of a test image."""

import numpy as np
import pytest
import torch
from torch import nn

from archkit.bench.recipe import Resolution, load_recipe, override
from archkit.bench.train.engine import train
from archkit.bench.train.image_sizes import image_sizes, resized
from archkit.errors import RunError
from archkit.spec import parse
from tests.bench.trainers import CPU, SPEC, trainer_of


def test_images_grow_as_the_epochs_go_by():
    recipe = override(
        load_recipe("fast"),
        [("epochs", 10), ("resolution.start", 0.5), ("resolution.until", 0.6), ("resolution.steps", 3)],
    )
    sizes = image_sizes(parse("[1,1]x[8,16] input=3x24x32"), recipe)
    # Six epochs in three sizes of 1/2, 2/3 and 5/6, then full ones.
    assert sizes == ((12, 16),) * 2 + ((16, 21),) * 2 + ((20, 27),) * 2 + ((24, 32),) * 4
    assert image_sizes(SPEC, load_recipe("fast")) is None


def test_smaller_images_are_pillows():
    from PIL import Image

    pixels = np.random.default_rng(0).random((12, 16)).astype(np.float32)
    ours = resized(torch.from_numpy(pixels)[None, None], (6, 10))[0, 0]
    theirs = np.asarray(Image.fromarray(pixels).resize((10, 6), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)


def test_a_network_that_cannot_have_smaller_images_says_so():
    """Pooling by windows of 4 leaves 4x4 of a map of 16x16, 2x2 of 8x8, and nothing of 2x2."""
    recipe = override(load_recipe("fast"), [("epochs", 4), ("resolution.start", 0.5)])
    network = parse("[1,1]x[8,16] input=3x32x32 pool=4")
    with pytest.raises(RunError, match=r"resolution\.start=0\.5, images of \d+x\d+ need other weights"):
        image_sizes(network, recipe)
    with pytest.raises(RunError, match=r"start=0\.1, images of \d+x\d+ are too small for this network: "):
        image_sizes(network, override(recipe, [("resolution.start", 0.1)]))


def test_the_network_is_given_images_of_the_epochs_size(tiny, brief):
    changes = [("epochs", 4), ("resolution.start", 0.5), ("resolution.until", 0.5), ("resolution.steps", 1)]
    trainer = trainer_of(tiny, brief, changes)
    given = []
    trainer.model.register_forward_pre_hook(lambda _model, args: given.append(tuple(args[0].shape[2:])))
    for _ in range(4):
        trainer.epoch(lambda _step: None)
    steps = trainer.steps
    assert given == [(4, 4)] * (2 * steps) + [(8, 8)] * (2 * steps)
    given.clear()
    trainer.evaluate(trainer.data.test)
    assert given == [(8, 8)]


def test_flips_alternate(tiny, brief, monkeypatch):
    """Every image, by what it looks like: one way in the even epochs, the other in the odd ones."""
    from archkit.bench.augment import geometry

    changes = [("augment.alternate", True), ("augment.pad", 0), ("epochs", 4), ("drop_last", False)]
    trainer = trainer_of(tiny, brief, changes, seed=5)
    seen, real = {}, geometry.apply

    def noted(images, index, draws, **how):
        for i, flipped in zip(index.tolist(), draws.flip.tolist(), strict=True):
            seen.setdefault(i, []).append(flipped)
        return real(images, index, draws, **how)

    monkeypatch.setattr(geometry, "apply", noted)
    for _ in range(4):
        trainer.epoch(lambda _step: None)
    assert len(seen) == 48
    assert all(flips in ([True, False] * 2, [False, True] * 2) for flips in seen.values())
    assert 12 <= sum(flips[0] for flips in seen.values()) <= 36
    of_this = [flips[0] for _, flips in sorted(seen.items())]
    seen.clear()
    trainer_of(tiny, brief, changes, seed=6).epoch(lambda _step: None)
    assert [flips[0] for _, flips in sorted(seen.items())] != of_this


def test_six_views_are_the_weighted_mean_of_six_logits(tiny, brief):
    """By hand: views cut from the reflected image by numpy, and their logits one by one."""
    recipe = override(brief, [("protocol.test_augment", "six")])
    outcome = train(SPEC, tiny, recipe, seed=0, device=CPU)
    plain = train(SPEC, tiny, override(brief, [("protocol.test_augment", "flip")]), seed=0, device=CPU)
    assert (outcome.test, outcome.test_flip) == (plain.test, plain.test_flip)
    assert (plain.test_six, plain.validation_six) == (None, None)
    trainer = trainer_of(tiny, recipe)
    trainer.load(outcome.weights)
    mean, std = np.array(outcome.mean)[:, None, None], np.array(outcome.std)[:, None, None]
    x = ((tiny.test_images - mean) / std).astype(np.float32)
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    views = [(x, 1 / 4), (wide[:, :, 2:, 2:], 1 / 8), (wide[:, :, :-2, :-2], 1 / 8)]
    model = trainer.model.eval()
    with torch.no_grad():
        logits = sum(
            share * model(torch.from_numpy(np.ascontiguousarray(turned)))
            for view, share in views
            for turned in (view, view[:, :, :, ::-1])
        )
    labels = torch.from_numpy(np.array(tiny.test_labels))
    assert outcome.test_six.correct == int((logits.argmax(1) == labels).sum())
    expected = nn.functional.cross_entropy(logits, labels).item()
    assert outcome.test_six.loss == pytest.approx(expected, rel=1e-5)
    assert outcome.validation_six.total == 12


def test_shares_of_the_size_by_hand():
    assert Resolution().share(0, 10) == 1.0
    assert Resolution(start=0.5, until=0.01).share(0, 10) == 1.0  # no whole epoch
