"""What a recipe may ask for beside the plain: optimizers, first weights, sizes of images, flips, views."""

import hashlib
import json
import math

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from archkit.bench.recipe import Initialise, Optimizer, Recipe, Resolution, Schedule, load_recipe, override
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.engine import train
from archkit.bench.train.first_weights import covariance, first_weights
from archkit.bench.train.image_sizes import image_sizes, resized
from archkit.bench.train.lookahead import Lookahead
from archkit.bench.train.optim import make_optimizer, make_schedule
from archkit.bench.train.results import run_key
from archkit.bench.train.trainer import Trainer
from archkit.errors import RunError
from archkit.nn import build, drop_bodies
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1,1]x[8,16] input=3x8x8 classes=3")
needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")


def trainer_of(data, recipe, changes=(), *, seed=0):
    recipe = override(recipe, changes)
    return Trainer(SPEC, DeviceData.of(data, recipe, CPU), recipe, seed=seed, device=CPU)


# ---- the key

FAST = {
    "epochs": 30,
    "batch_size": 256,
    "drop_last": True,
    "label_smoothing": 0.1,
    "precision": "auto",
    "compile": "none",
    "ema": 0.0,
    "optimizer": {
        "name": "sgd",
        "lr": 0.2,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 5e-4,
        "decay_norm_bias": False,
    },
    "schedule": {"name": "cosine", "warmup": 0.2, "cycle_momentum": False, "every": 20, "divide": 3.0},
    "augment": {
        "rotate": 0.0,
        "flip": 0.5,
        "pad": 4,
        "pad_mode": "reflect",
        "trivial": False,
        "cutout": 0,
        "erase": 0.0,
        "mixup": 0.0,
        "cutmix": 0.0,
        "mix": 1.0,
    },
    "protocol": {"validation": 0.0, "select": "last", "test_augment": "flip"},
}
"""The fields of `fast`, written out, as they were when runs got the keys that they have."""


def by_hand(settings):
    what = {"format": 3, "spec": "resnet10", "recipe": settings, "seed": 1, "data": "d"}
    return hashlib.sha256(json.dumps(what, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_a_field_that_came_later_and_is_at_its_default_leaves_the_key_as_it_was():
    key = {"spec": "resnet10", "seed": 1, "data": "d"}
    fast = load_recipe("fast")
    assert run_key(recipe=fast, **key) == by_hand(FAST)
    assert run_key(recipe=Recipe.from_mapping({"name": "mine", **FAST}), **key) == by_hand(FAST)
    changed = override(fast, [("optimizer.lookahead", 5)])
    with_it = {**FAST, "optimizer": {**FAST["optimizer"], "lookahead": 5}}
    assert run_key(recipe=changed, **key) == by_hand(with_it) != by_hand(FAST)
    begins = override(fast, [("initialise.dirac", True)])
    assert run_key(recipe=begins, **key) == by_hand(
        {**FAST, "initialise": {"whitening": False, "dirac": True}}
    )


# ---- optimizers


@needs_muon
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_muon_is_torchs_on_the_matrix_of_filters_and_sgd_on_the_rest(memory):
    """torch's own two optimizers, by hand, on a copy whose conv is a matrix; the order of columns aside."""
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 2))
    ours = ours.to(memory_format=memory)
    matrices = [nn.Parameter(ours[0].weight.detach().flatten(1).clone())]
    matrices.append(nn.Parameter(ours[3].weight.detach().clone()))
    others = [nn.Parameter(p.detach().clone()) for p in ours.parameters() if p.ndim == 1]
    config = Optimizer(name="muon", lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.1, norm_bias_lr=2.0)
    optimizer = make_optimizer(ours, config)
    muon = torch.optim.Muon(matrices, lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.1)
    sgd = torch.optim.SGD(others, lr=0.04, momentum=0.9, nesterov=True, weight_decay=0.1)
    for step in range(4):
        images = torch.randn(8, 3, 5, 5, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        ours(images).square().sum().backward()
        matrices[0].grad, matrices[1].grad = ours[0].weight.grad.flatten(1), ours[3].weight.grad.clone()
        for mine, its in zip((p for p in ours.parameters() if p.ndim == 1), others, strict=True):
            its.grad = mine.grad.clone()
        for one in (optimizer, muon, sgd):
            one.step()
    # bfloat16 inside Muon: sums in another order differ in the third digit of a step of 0.02.
    torch.testing.assert_close(ours[0].weight.flatten(1), matrices[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(ours[3].weight, matrices[1], rtol=0, atol=2e-3)
    for mine, its in zip((p for p in ours.parameters() if p.ndim == 1), others, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-2, atol=1e-3)
    assert ours[0].weight.is_contiguous(memory_format=memory)


@needs_muon
def test_a_step_of_muon_turns_every_direction_by_as_much():
    """With one step and no momentum, the change is near an orthogonal matrix times the rate (Jordan 2024)."""
    torch.manual_seed(1)
    conv = nn.Conv2d(4, 6, 3, bias=False).to(memory_format=torch.channels_last)
    before = conv.weight.detach().clone()
    optimizer = make_optimizer(conv, Optimizer(name="muon", lr=0.1))
    conv(torch.randn(8, 4, 6, 6)).square().sum().backward()
    optimizer.step()
    values = torch.linalg.svdvals((before - conv.weight).detach().flatten(1)) / 0.1
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_an_older_torch_without_muon_is_one_line(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    with pytest.raises(RunError, match=r"optimizer\.name=muon needs torch 2\.9 or later, and this is"):
        make_optimizer(nn.Linear(2, 2), Optimizer(name="muon", lr=0.1))


def test_norms_and_biases_have_a_rate_and_a_decay_of_their_own():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    config = Optimizer(name="sgd", lr=0.1, weight_decay=0.5, norm_bias_lr=64.0, norm_bias_decay=0.25)
    optimizer = make_optimizer(model, config)
    found = {id(p): (g["lr"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    assert found[id(model[0].weight)] == (0.1, 0.5)
    for other in (model[0].bias, model[1].weight, model[1].bias):
        assert found[id(other)] == pytest.approx((6.4, 0.125))
    schedule = make_schedule(optimizer, Schedule(name="step", every=1, divide=2.0), epochs=2, steps=1)
    optimizer.step()
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 3.2])


def test_lookahead_goes_back_half_the_way_every_few_steps():
    """By hand: the weight gains 1 a step; 0 1 2 3 -> back to 1.5; then 2.5 3.5 4.5 -> back to 3."""
    weight = nn.Parameter(torch.zeros(2))
    lookahead, seen = Lookahead([weight], every=3, share=0.5), []
    for _ in range(6):
        with torch.no_grad():
            weight += 1
        lookahead.update()
        seen.append(weight[0].item())
    assert seen == [1, 2, 1.5, 2.5, 3.5, 3]


def test_lookahead_is_timms_after_its_first_round():
    """timm's takes its slow weights after the first round: here ours does, too."""
    from timm.optim.lookahead import Lookahead as Theirs

    one, other = (nn.Parameter(torch.tensor([3.0, -2.0])) for _ in range(2))
    plain = torch.optim.SGD([one], lr=0.1)
    theirs = Theirs(torch.optim.SGD([other], lr=0.1), alpha=0.3, k=2)
    for step in range(8):
        if step == 2:
            ours = Lookahead([one], every=2, share=0.3)
        for weight, optimizer in ((one, plain), (other, theirs)):
            optimizer.zero_grad()
            weight.square().sum().backward()
            optimizer.step()
        if step >= 2:
            ours.update()
        assert torch.allclose(one, other)


def test_a_schedule_falls_by_torchs_cosine_and_then_stays():
    config = Schedule(name="cosine", warmup=0.1, floor=0.05, flat=0.3)
    optimizer = make_optimizer(nn.Linear(2, 2), Optimizer(name="sgd", lr=0.4))
    schedule = make_schedule(optimizer, config, epochs=5, steps=4)
    other = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.4)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(other, T_max=12, eta_min=0.02)
    found = []
    for step in range(20):
        found.append(optimizer.param_groups[0]["lr"])
        if 2 <= step < 14:
            assert found[-1] == pytest.approx(other.param_groups[0]["lr"])
            other.step()
            theirs.step()
        optimizer.step()
        schedule.step()
    assert found[:2] == pytest.approx([0.2, 0.4])
    assert found[14:] == pytest.approx([0.02] * 6)


# ---- first weights


def test_whitening_filters_make_patches_uncorrelated():
    """What the first half of the filters gives, over all patches, has the identity as its covariance."""
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(400, 6, 6, 3, generator=generator)
    mixed = base @ torch.tensor([[1.0, 0.8, 0.1], [0.0, 0.5, 0.3], [0.2, 0.0, 0.9]])
    images = (mixed / mixed.amax() * 255).to(torch.uint8)
    mean = images.float().mean((0, 1, 2))[:, None, None]
    std = images.float().std((0, 1, 2))[:, None, None]
    model = nn.Sequential(nn.Conv2d(3, 60, 3, bias=False))
    drawn = model[0].weight.detach().clone()
    first_weights(model, Initialise(whitening=True), images, mean, std)
    pixels = (images.permute(0, 3, 1, 2).float() - mean) / std
    given = model[0](pixels)[:, :27].permute(1, 0, 2, 3).flatten(1)
    expected = torch.cov(given, correction=0)
    torch.testing.assert_close(expected, torch.eye(27), rtol=0, atol=0.02)
    torch.testing.assert_close(model[0].weight[27:54], -model[0].weight[:27])
    torch.testing.assert_close(model[0].weight[54:], drawn[54:])  # no direction is left for these


def test_the_covariance_is_numpys():
    pixels = torch.randn(5, 2, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    windows = np.lib.stride_tricks.sliding_window_view(pixels.numpy(), (3, 3), axis=(2, 3))
    rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 18)
    np.testing.assert_allclose(
        covariance(pixels, 3, 3).numpy(), np.cov(rows, rowvar=False, bias=True), rtol=1e-9, atol=1e-12
    )


def test_few_filters_are_the_directions_of_the_greatest_variance():
    """Gray images whose rows are alike: what varies most in a patch is its mean."""
    images = torch.randint(0, 256, (500, 1, 1, 1), generator=torch.Generator().manual_seed(0))
    images = images.expand(500, 6, 6, 1).to(torch.uint8)
    model = nn.Sequential(nn.Conv2d(1, 2, 3))
    one = torch.ones(1, 1, 1)
    first_weights(model, Initialise(whitening=True), images, 128 * one, 70 * one)
    filters = model[0].weight.detach().flatten(1)
    assert (filters[0] > 0).all()
    assert filters[0].std() / filters[0].mean() < 1e-4
    torch.testing.assert_close(filters[1], -filters[0])


def test_dirac_convs_pass_on_their_channels(tiny, brief):
    trainer = trainer_of(tiny, brief, [("initialise.dirac", True)])
    plain = trainer_of(tiny, brief)
    x = torch.randn(2, 8, 5, 5)
    wider = {True: 0, False: 0}
    for name, conv in trainer.model.named_modules():
        if not isinstance(conv, nn.Conv2d):
            continue
        drawn = plain.model.get_submodule(name)
        if name.startswith("stem") or conv.kernel_size == (1, 1):
            assert torch.equal(conv.weight, drawn.weight)
            continue
        x = torch.randn(2, conv.in_channels, 6, 6)
        passed = nn.functional.conv2d(x, conv.weight, padding=1)
        assert torch.equal(passed[:, : conv.in_channels], x)
        rest = conv.weight[conv.in_channels :]
        assert torch.equal(rest, drawn.weight[conv.in_channels :])
        wider[len(rest) > 0] += 1
    assert wider[True]
    assert wider[False]


def test_a_run_that_begins_with_anothers_weights_is_not_initialised(tiny, brief):
    recipe = override(brief, [("initialise.dirac", True)])
    with pytest.raises(RunError, match="begins with another's weights takes no `initialise`"):
        Trainer(SPEC, DeviceData.of(tiny, recipe, CPU), recipe, seed=0, device=CPU, initial=object())


# ---- stochastic depth


def test_bodies_are_left_out_as_torchvision_leaves_them_out():
    """The same draws of torch's generator: torchvision's function on the same maps, block by block."""
    torch.manual_seed(0)
    network = build("[2,2]x[4,8] input=3x8x8 classes=3")
    plain = build("[2,2]x[4,8] input=3x8x8 classes=3")
    plain.load_state_dict(network.state_dict())
    drop_bodies(network, 0.8)
    x = torch.randn(6, 3, 8, 8)
    network.train()
    plain.train()
    torch.manual_seed(7)
    ours = network(x)
    torch.manual_seed(7)
    out, number = plain.stem(x), 0
    for stage in (plain.stage1, plain.stage2):
        for block in stage:
            number += 1
            ((body, shortcut, _), *after) = block.steps
            left = torchvision.ops.stochastic_depth(block._run(body, out), 0.8 * number / 4, "row")
            out = left + (out if shortcut is None else getattr(block, shortcut)(out))
            out = block._run(tuple(after), out)
    torch.testing.assert_close(ours, plain.head(out), rtol=1e-5, atol=1e-5)
    network.eval()
    plain.load_state_dict(network.state_dict())
    assert torch.equal(network(x), plain.eval()(x))


# ---- sizes, flips, views


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
    other = trainer_of(tiny, brief, changes, seed=6)
    assert not torch.equal(other._flipped, trainer._flipped)


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


# ---- all of it in a run

EVERYTHING = [
    ("epochs", 3),
    ("ema", 0.9),
    ("stochastic_depth", 0.3),
    ("initialise.whitening", True),
    ("initialise.dirac", True),
    ("resolution.start", 0.5),
    ("optimizer.norm_bias_lr", 4.0),
    ("optimizer.lookahead", 2),
    ("schedule.name", "cosine"),
    ("schedule.floor", 0.1),
    ("schedule.flat", 0.3),
    ("augment.alternate", True),
    ("augment.randaugment", 2),
    ("augment.ricap", 0.3),
    ("protocol.test_augment", "six"),
]


@pytest.mark.parametrize("name", ["sgd", pytest.param("muon", marks=needs_muon)])
def test_a_run_with_all_of_it_goes_on_to_the_same_bits(tiny, brief, name):
    recipe = override(brief, [*EVERYTHING, ("optimizer.name", name)])
    kept = []
    whole = train(SPEC, tiny, recipe, seed=3, device=CPU, save=kept.append)
    assert math.isfinite(whole.test.loss)
    resumed = train(SPEC, tiny, recipe, seed=3, device=CPU, start=kept[0])
    assert [row.train_loss for row in resumed.epochs] == [row.train_loss for row in whole.epochs]
    assert all(torch.equal(whole.weights[name], resumed.weights[name]) for name in whole.weights)


def test_shares_of_the_size_by_hand():
    assert Resolution().share(0, 10) == 1.0
    assert Resolution(start=0.5, until=0.01).share(0, 10) == 1.0  # no whole epoch
