"""The average of the weights, against the same sum by hand; and that it is what is kept and tested."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from archkit.bench.recipe import override
from archkit.bench.train.average import Average
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.engine import train
from archkit.bench.train.trainer import Trainer
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1]x[8] input=3x8x8 classes=3")


def test_each_step_keeps_what_the_docstring_says():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(model, 0.5)
    expected = model[0].weight.detach().clone()
    for step in range(1, 12):
        with torch.no_grad():
            model[0].weight += 1
            model[1].num_batches_tracked += 1
            model[1].running_mean += 1
        average.update()
        keep = min(0.5, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * model[0].weight.detach()
        torch.testing.assert_close(average.model[0].weight, expected)
    assert average.model[1].num_batches_tracked == 11
    assert 5 < average.model[1].running_mean[0] < 11


def test_the_average_is_scored_and_kept_and_the_training_is_the_same(tiny, brief):
    recipe = override(brief, [("ema", 0.9)])
    trainer = Trainer(SPEC, DeviceData.of(tiny, recipe, CPU), recipe, seed=0, device=CPU)
    plain = Trainer(SPEC, DeviceData.of(tiny, brief, CPU), brief, seed=0, device=CPU)
    losses = [t.epoch(lambda _step: None).loss for t in (trainer, plain)]
    assert losses[0] == losses[1]
    assert torch.equal(trainer.model.state_dict()["head.fc.weight"], plain.weights()["head.fc.weight"])
    averaged = trainer.weights()["head.fc.weight"]
    assert not torch.equal(averaged, plain.weights()["head.fc.weight"])
    assert torch.equal(averaged, trainer.average.model.state_dict()["head.fc.weight"])


def test_a_flip_is_the_mean_of_two_logits(tiny, brief):
    recipe = override(brief, [("protocol.test_augment", "flip")])
    with_flip, without = (train(SPEC, tiny, r, seed=0, device=CPU) for r in (recipe, brief))
    assert with_flip.test == without.test  # the headline stays
    assert (without.test_flip, without.validation_flip) == (None, None)
    trainer = Trainer(SPEC, DeviceData.of(tiny, recipe, CPU), recipe, seed=0, device=CPU)
    trainer.load(with_flip.weights)
    model = trainer.evaluated.eval()
    pixels = torch.tensor(tiny.test_images, dtype=torch.float32)
    x = (pixels - trainer.data.mean[:, None, None]) / trainer.data.std[:, None, None]
    with torch.no_grad():
        logits = (model(x) + model(x.flip(3))) / 2
    right = int((logits.argmax(1) == torch.tensor(tiny.test_labels)).sum())
    assert (with_flip.test_flip.correct, with_flip.test_flip.total) == (right, 30)
    assert with_flip.validation_flip.total == 12


def test_it_is_no_part_of_the_average_that_a_run_without_validation_keeps_the_last_epoch(tiny, brief):
    recipe = override(brief, [("ema", 0.9), ("protocol.select", "last"), ("protocol.validation", 0.0)])
    outcome = train(SPEC, tiny, recipe, seed=0, device=CPU)
    assert outcome.epoch == 2
    assert replace(outcome, test_flip=None).validation is None


@pytest.mark.parametrize("name", ["strong", "paper-grid", "paper-best", "fast", "demo"])
def test_every_shipped_recipe_takes_a_step(tiny, name):
    """Not how well it trains: that all its parts work together."""
    from archkit.bench.recipe import load_recipe

    recipe = override(load_recipe(name), [("epochs", 1), ("batch_size", 16), ("precision", "float32")])
    outcome = train(SPEC, tiny, recipe, seed=0, device=CPU)
    assert outcome.test.total == 30
    assert (outcome.test_flip is not None) == (recipe.protocol.test_augment == "flip")
