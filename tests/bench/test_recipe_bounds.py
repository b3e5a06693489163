"""What a recipe must not say, and what its bounds let through."""

import contextlib

import pytest
import torch

from archkit.bench.recipe import load_recipe, override
from archkit.bench.sweep.place import adapt
from archkit.bench.train.engine import train
from archkit.bench.train.trainer import NotFiniteError
from archkit.errors import RunError
from archkit.spec import parse


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epoch", "3", "no field 'epoch'; did you mean epochs"),
        ("lr", "3", "no field 'lr'; did you mean optimizer.lr?"),
        ("augment", "3", "no field 'augment'"),
        ("augment.flip.p", "3", "no field 'augment.flip.p'"),
        ("epochs", "many", "epochs must be an integer, not 'many'"),
        ("epochs", "2.5", "epochs must be an integer"),
        ("epochs", "true", "epochs must be an integer"),
        ("epochs", "0", "epochs must be at least 1, not 0"),
        ("batch_size", "1", "batch_size must be at least 2"),
        ("optimizer.lr", "nan", "optimizer.lr must be finite"),
        ("optimizer.lr", "0", "optimizer.lr must be positive"),
        (
            "optimizer.name",
            "sdg",
            "optimizer.name is sgd | adam | adamw | adadelta | muon | timm:NAME, not 'sdg'",
        ),
        ("optimizer.name", "adam", "optimizer.momentum is for sgd"),
        ("optimizer.momentum", "0", "optimizer.nesterov needs a momentum"),
        ("augment.flip", "1.5", "augment.flip must be a probability"),
        ("augment.pad", "-1", "augment.pad must not be negative"),
        ("protocol.select", "best", "needs validation images"),
        ("precision", "fp8", "precision is auto | float32 | tf32 | bfloat16"),
        ("drop_last", "1", "drop_last must be true or false"),
        ("optimizer.norm_bias_lr", "-1", "optimizer.norm_bias_lr must be 0 to 1e+06, not -1"),
        ("optimizer.norm_bias_decay", "2", "optimizer.norm_bias_decay is for optimizer.decay_norm_bias=true"),
        ("optimizer.lookahead", "-1", "optimizer.lookahead must not be negative: -1"),
        ("optimizer.lookahead_share", "0", "optimizer.lookahead_share must be above 0 and at most 1, not 0"),
        ("schedule.floor", "1.5", "schedule.floor must be a share, 0 to 1, not 1.5"),
        ("schedule.flat", "0.2", "schedule.flat needs a rate to stay at: set schedule.floor"),
        ("augment.randaugment", "11", "augment.randaugment must be 0 to 10 operations, not 11"),
        ("augment.randaugment_strength", "31", "augment.randaugment_strength must be 0 to 30, not 31"),
        ("augment.autoaugment", "mnist", "autoaugment is none | cifar10 | imagenet | svhn, not 'mnist'"),
        ("augment.ricap", "-1", "augment.ricap must not be negative: -1"),
        ("protocol.test_augment", "ten", "protocol.test_augment is none | flip | six, not 'ten'"),
        ("stochastic_depth", "1", "stochastic_depth must be in [0, 1), not 1"),
        ("resolution.start", "0", "resolution.start must be above 0 and at most 1, not 0"),
        ("resolution.until", "1.5", "resolution.until must be above 0 and at most 1, not 1.5"),
        ("resolution.steps", "4", "resolution.steps must be 1 to 3 sizes, not 4"),
        # What torch would refuse with an error of its own, or Python with a traceback.
        ("optimizer.lr", "1e300", "optimizer.lr must be at most 1e+30, not 1e+300"),
        ("optimizer.lr", "1" + "0" * 400, "optimizer.lr must be a number below 2**64 in size, not 1000"),
        ("optimizer.weight_decay", "1e39", "optimizer.weight_decay must be at most 1e+06, not 1e+39"),
        ("augment.mixup", "1e300", "augment.mixup must be 0, or from 1e-06 to 1e+06, not 1e+300"),
        ("augment.cutmix", "1e-300", "augment.cutmix must be 0, or from 1e-06 to 1e+06, not 1e-300"),
        ("augment.pad", str(2**62), "augment.pad must be at most 10,000, not 4611686018427387904"),
        ("augment.cutout", "99999999999999999999", "augment.cutout must be a number below 2**64 in size"),
        ("batch_size", str(10**30), "batch_size must be a number below 2**64 in size, not 1000"),
        ("batch_size", str(10**10), "batch_size must be at most 1,000,000,000, not 10000000000"),
        ("epochs", "1" * 5000, "epochs must be an integer, not '11111"),
        ("epochs", "0x" + "f" * 5000, "epochs must be a number below 2**64 in size, not 0xfff"),
        ("epochs", "[" * 50_000 + "]" * 50_000, "epochs must be an integer, not '[[["),
    ],
)
def test_what_is_wrong_is_said_in_one_line(key, value, message):
    with pytest.raises(RunError) as caught:
        override(load_recipe("fast"), [(key, value)])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "changes",
    [
        [("optimizer.lr", 1e30), ("optimizer.weight_decay", 1e6), ("optimizer.name", "adamw")],
        [("optimizer.lr", 1e30), ("optimizer.weight_decay", 1e6), ("optimizer.name", "adam")],
        [("optimizer.lr", 1e30), ("schedule.name", "step"), ("schedule.divide", 1e300)],
        [("augment.pad", 10_000), ("augment.cutout", 10_000), ("augment.pad_mode", "zeros")],
        [("batch_size", 10**9), ("drop_last", False)],
        [("augment.mixup", 1e6), ("augment.cutmix", 1e-6)],
        [("augment.mixup", 1e-6), ("augment.cutmix", 1e6)],
    ],
)
def test_what_the_bounds_let_through_trains_or_ends_as_a_run_does(tiny, brief, changes):
    """At the bounds torch still has figures for everything; that the loss is not finite is no traceback."""
    others = [("epochs", 1), ("optimizer.momentum", 0.0), ("schedule.every", 1)]
    recipe = override(brief, [*others, *changes])
    with contextlib.suppress(NotFiniteError):
        train(adapt(parse("[1]x[8]"), tiny), tiny, recipe, seed=2**64 - 1, device=torch.device("cpu"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("augment.ricap", 0.3), ("augment.cutmix", 1.0)], "augment.ricap mixes images in its own way"),
        ([("augment.alternate", True), ("augment.flip", 0.3)], "it needs augment.flip=0.5, not 0.3"),
        ([("augment.trivial", True), ("augment.randaugment", 2)], "one of augment.trivial, augment.randaug"),
        ([("schedule.name", "step"), ("schedule.floor", 0.1)], "schedule.floor is for cosine, not step"),
        (
            [("schedule.floor", 0.1), ("schedule.flat", 0.8)],
            "schedule.warmup=0.2 and schedule.flat=0.8 leave no step to fall in",
        ),
        ([("optimizer.lr", 1e29), ("optimizer.norm_bias_lr", 64)], "have a rate above 1e+30"),
    ],
)
def test_fields_that_contradict_each_other_are_refused_in_one_line(changes, message):
    with pytest.raises(RunError) as caught:
        override(load_recipe("fast"), changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_momentum_that_is_not_there_cannot_be_moved(tiny, brief):
    cycle = [("schedule.name", "onecycle"), ("schedule.cycle_momentum", True), ("optimizer.momentum", 0.0)]
    with pytest.raises(
        RunError, match="cycle_momentum needs an optimizer with a momentum or betas, and adad"
    ):
        override(brief, [*cycle, ("optimizer.name", "adadelta")])
    timm = override(brief, [*cycle, ("optimizer.name", "timm:adafactor")])
    with pytest.raises(RunError, match="cycle_momentum cannot be used here: optimizer must support momentum"):
        train(adapt(parse("[1]x[8]"), tiny), tiny, timm, seed=0, device=torch.device("cpu"))
