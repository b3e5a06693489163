"""Optimizers and schedules against torch's own, set up by hand."""

import pytest
import timm.optim
import torch
from torch import nn

from archkit.bench.recipe import Optimizer, Schedule, load_recipe
from archkit.bench.train import optim
from archkit.bench.train.optim import make_optimizer, make_schedule
from archkit.errors import RunError


def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=True), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def rates(schedule, *, epochs, steps, lr=0.1, momentum=0.9, key="lr"):
    """The value of each step of a run."""
    optimizer = make_optimizer(net(), Optimizer(name="sgd", lr=lr, momentum=momentum))
    moved = make_schedule(optimizer, schedule, epochs=epochs, steps=steps)
    found = []
    for _ in range(epochs * steps):
        found.append(optimizer.param_groups[0][key])
        optimizer.step()
        moved.step()
    return found


@pytest.mark.parametrize("key", ["lr", "momentum"])
def test_onecycle_is_torchs_as_the_paper_called_it(key):
    """OneCycleLR(optimizer, max_lr=0.1) and nothing else: 0.004 up to 0.1, down to almost nothing."""
    recipe = load_recipe("paper-best")
    optimizer = torch.optim.SGD(net().parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, epochs=10, steps_per_epoch=7)
    expected = []
    for _ in range(70):
        expected.append(optimizer.param_groups[0][key])
        optimizer.step()
        theirs.step()
    ours = rates(recipe.schedule, epochs=10, steps=7, key=key)
    assert ours == pytest.approx(expected, rel=1e-12)
    if key == "lr":
        assert (ours[0], max(ours)) == pytest.approx((0.004, 0.1))
        assert ours[-1] < 1e-6


def test_onecycle_leaves_the_momentum_alone_unless_told():
    assert set(rates(Schedule(name="onecycle"), epochs=3, steps=5, key="momentum")) == {0.9}


def test_step_divides_by_three_every_twenty_epochs():
    found = rates(Schedule(name="step", every=20, divide=3.0), epochs=70, steps=2)
    assert found == pytest.approx([0.1 * 3.0 ** -(epoch // 20) for epoch in range(70) for _ in range(2)])


def test_cosine_rises_linearly_then_follows_torchs_cosine():
    found = rates(Schedule(name="cosine", warmup=0.2), epochs=5, steps=4)
    assert found[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    optimizer = torch.optim.SGD(net().parameters(), lr=0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=16)
    for rate in found[4:]:
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


def test_constant_is_constant():
    assert set(rates(Schedule(), epochs=2, steps=3)) == {0.1}


@pytest.mark.parametrize("name", ["onecycle", "cosine", "step", "constant"])
def test_a_run_of_one_step_has_a_rate(name):
    assert 0 <= rates(Schedule(name=name), epochs=1, steps=1)[0] <= 0.1


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_what_a_gpu_is_given_takes_the_same_steps(monkeypatch, name):
    """torch has its fused optimizers for CPUs too, where they are asked here what they do on GPUs."""
    config = Optimizer(name=name, lr=0.1, momentum=0.9 if name == "sgd" else 0.0, weight_decay=0.01)
    images, moved = torch.randn(8, 3, 5, 5), []
    for fused in (None, True):
        monkeypatch.setattr(optim, "_fused", lambda _model, fused=fused: fused)
        torch.manual_seed(0)
        # No bias before the norm: its gradient is 0 but for rounding, which Adam makes a step of.
        conv = nn.Conv2d(3, 4, 3, bias=False)
        model = nn.Sequential(conv, nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 2))
        optimizer = make_optimizer(model, config)
        schedule = make_schedule(
            optimizer, Schedule(name="onecycle", cycle_momentum=name == "sgd"), epochs=1, steps=5
        )
        for _ in range(5):
            optimizer.zero_grad()
            model(images).square().sum().backward()
            optimizer.step()
            schedule.step()
        moved.append([parameter.detach() for parameter in model.parameters()])
    assert {group["fused"] for group in optimizer.param_groups} == {True}
    for one, other in zip(*moved, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_norms_and_biases_are_decayed_only_where_the_recipe_says_so():
    model = net()
    for decayed in (True, False):
        config = Optimizer(name="sgd", lr=0.1, weight_decay=0.5, decay_norm_bias=decayed)
        optimizer = make_optimizer(model, config)
        decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
        assert len(decay) == len(list(model.parameters()))
        assert decay[id(model[0].weight)] == decay[id(model[3].weight)] == 0.5
        for other in (model[0].bias, model[1].weight, model[1].bias, model[3].bias):
            assert decay[id(other)] == (0.5 if decayed else 0.0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adadelta", torch.optim.Adadelta)],
)
def test_optimizers_are_torchs(name, kind):
    assert type(make_optimizer(net(), Optimizer(name=name, lr=0.1))) is kind


@pytest.mark.parametrize("name", ["lion", "adopt", "nadamw", "lamb", "rmsprop"])
def test_timms_optimizers_take_timms_own_steps(name):
    """The same weights after three steps as those of timm's factory, called by hand."""
    torch.manual_seed(0)
    ours, theirs = net(), net()
    theirs.load_state_dict(ours.state_dict())
    one = make_optimizer(ours, Optimizer(name=f"timm:{name}", lr=0.01, weight_decay=0.1))
    other = timm.optim.create_optimizer_v2(
        list(theirs.parameters()), opt=name, lr=0.01, weight_decay=0.1, filter_bias_and_bn=False
    )
    assert type(one) is type(other)
    for step in range(3):
        x = torch.randn(6, 3, 3, 3, generator=torch.Generator().manual_seed(step))
        for model, optimizer in ((ours, one), (theirs, other)):
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, its)


def test_timms_optimizers_leave_norms_and_biases_undecayed_where_told():
    config = Optimizer(name="timm:lion", lr=0.01, weight_decay=0.5, decay_norm_bias=False)
    optimizer = make_optimizer(net(), config)
    assert sorted((group["weight_decay"], len(group["params"])) for group in optimizer.param_groups) == [
        (0.0, 4),
        (0.5, 2),
    ]


def test_timms_momentum_is_passed_on():
    optimizer = make_optimizer(net(), Optimizer(name="timm:momentum", lr=0.01, momentum=0.7))
    assert {group["momentum"] for group in optimizer.param_groups} == {0.7}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Optimizer(name="timm:lino", lr=0.1), "timm has no optimizer 'lino'; did you mean lion"),
        (Optimizer(name="timm:fusedsgd", lr=0.1), "timm's optimizer fusedsgd cannot be used here"),
        (Optimizer(name="timm:adopt", lr=0.1, momentum=0.5), "optimizer adopt takes no momentum: set"),
    ],
)
def test_an_optimizer_that_timm_cannot_make_is_one_line(config, message):
    with pytest.raises(RunError) as caught:
        make_optimizer(net(), config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
