"""What a recipe may ask for beside the plain: key, optimizers, stochastic depth; and all of it at once."""

import hashlib
import json
import math

import pytest
import torch
import torchvision
from torch import nn

from archkit.bench.recipe import Optimizer, Recipe, Schedule, load_recipe, override
from archkit.bench.train.engine import train
from archkit.bench.train.lookahead import Lookahead
from archkit.bench.train.optim import make_optimizer, make_schedule
from archkit.bench.train.results import run_key
from archkit.errors import RunError
from archkit.nn import build, drop_bodies
from tests.bench.trainers import CPU, SPEC

needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")


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
