"""The range test on a problem whose answer is known, in a run, and as a command."""

import csv
import io
import json
import math

import numpy as np
import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.train.rate_finder import find_rate, range_test
from archkit.bench.train.trainer import Trainer
from archkit.cli.lr_find import curve
from archkit.errors import RunError

CPU = torch.device("cpu")
SPEC = "[1]x[8] input=3x8x8 classes=3"
CURVATURE = 8.0


class Quadratic:
    """Gradient descent on 4 w^2: a step of rate r multiplies w by 1 - 8 r, which grows from r = 1/4 on."""

    def __init__(self):
        self.w = 1.0

    def step(self, rate):
        loss = CURVATURE / 2 * self.w**2
        self.w -= rate * CURVATURE * self.w
        return loss


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_the_loss_of_a_quadratic_is_lowest_where_steps_begin_to_overshoot(smoothing):
    """By numpy: losses 4 prod (1 - 8 r)^2, and their exponential mean divided by what it lacks at first."""
    found = range_test(Quadratic().step, low=1e-4, high=10.0, steps=201, smoothing=smoothing)
    rates = np.geomspace(1e-4, 10.0, 201)
    losses = 4 * np.concatenate([[1.0], np.cumprod((1 - CURVATURE * rates) ** 2)[:-1]])
    means = np.array(
        [
            sum((1 - smoothing) * smoothing ** (t - i) * losses[i] for i in range(t + 1))
            / (1 - smoothing ** (t + 1))
            for t in range(201)
        ]
    )
    n = len(found.rates)
    assert found.rates == pytest.approx(rates[:n])
    assert found.losses == pytest.approx(losses[:n])
    assert found.smoothed == pytest.approx(means[:n])
    assert found.exploded
    assert means[n - 1] > 4 * means[: n - 1].min() >= means[n - 2] / 1.000001
    if smoothing == 0:
        # The lowest loss is that before the first step that makes w larger: 8 r - 1 > 1.
        first = int(np.argmax(rates > 2 / CURVATURE))
        assert found.tenth == pytest.approx(rates[first] / 10)
        assert found.tenth == pytest.approx(0.025, rel=0.06)
    slopes = np.gradient(means[:n])[1:-1]
    assert found.steepest == pytest.approx(rates[1 + int(slopes.argmin())])
    assert found.steepest < 2 / CURVATURE


def test_what_cannot_be_tested_is_said():
    with pytest.raises(RunError, match=r"the rates must rise from above 0, not from 1 to 0\.1"):
        range_test(lambda rate: rate, low=1.0, high=0.1, steps=10, smoothing=0.0)
    with pytest.raises(RunError, match="the loss explodes within 5 steps of a learning rate of 1;"):
        range_test(lambda _rate: math.nan, low=1.0, high=2.0, steps=10, smoothing=0.0)
    with pytest.raises(RunError, match="at least 5 steps"):
        range_test(lambda rate: rate, low=1.0, high=2.0, steps=2, smoothing=0.0)


def test_every_group_has_the_rate_of_its_step(tiny, brief, monkeypatch):
    recipe = override(brief, [("optimizer.norm_bias_lr", 4.0), ("schedule.name", "cosine")])
    used, real = [], Trainer.step

    def noted(trainer, index):
        used.append([group["lr"] for group in trainer.optimizer.param_groups])
        return real(trainer, index)

    monkeypatch.setattr(Trainer, "step", noted)
    before = torch.get_rng_state()
    found = find_rate(SPEC, tiny, recipe, device=CPU, low=1e-4, high=1e-2, steps=9)
    assert torch.equal(before, torch.get_rng_state())
    expected = np.geomspace(1e-4, 1e-2, 9)
    assert used == [[pytest.approx(rate), pytest.approx(4 * rate)] for rate in expected]
    assert found.rates == pytest.approx(expected)
    assert not found.exploded


def test_the_curve_is_eight_lines_that_fall():
    found = range_test(lambda rate: 3 - rate, low=0.1, high=2.0, steps=20, smoothing=0.0)
    lines = curve(found)
    assert len(lines) == 8
    assert lines[0].startswith("     2.9 |*")
    assert lines[-1].startswith("       1 |")
    assert lines[-1].endswith("*")
    assert sum(line.count("*") for line in lines) == 20


def test_the_command_prints_and_draws(cli, tmp_path):
    data = ["--data", "shapes", "--train-size", "200", "--device", "cpu"]
    args = ["lr-find", "[1]x[4]", *data, "--recipe", "demo", "--steps", "12"]
    done = cli(*args, "--format", "json", "-o", str(tmp_path / "curve.svg"))
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert len(said["steps"]) <= 12
    assert said["steepest"] in [step["lr"] for step in said["steps"]]
    assert "<svg" in (tmp_path / "curve.svg").read_text(encoding="utf-8")
    table = list(csv.DictReader(io.StringIO(cli(*args, "--format", "csv").stdout)))
    assert [float(row["loss"]) for row in table] == [step["loss"] for step in said["steps"]]
    text = cli(*args).stdout
    assert "the loss falls fastest at  --lr " in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["smoke.toml"], "lr-find is for a network, not for a suite"),
        (["resnet10", "-o", "curve.gif"], "-o takes a file that ends in .svg, .png or .pdf, not curve.gif"),
        (["resnet10", "--set", "epoch=3"], "there is no field 'epoch'; did you mean epochs?"),
    ],
)
def test_mistakes_are_one_line(cli, args, message):
    done = cli("lr-find", *args)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
