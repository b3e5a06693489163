"""Whitening and Dirac: the weights that a network begins with."""

import numpy as np
import pytest
import torch
from torch import nn

from archkit.bench.recipe import Initialise, override
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.first_weights import covariance, first_weights
from archkit.bench.train.trainer import Trainer
from archkit.errors import RunError
from tests.bench.trainers import CPU, SPEC, trainer_of


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


@pytest.mark.parametrize("at_once", [2**27, 800, 1])
def test_the_covariance_is_numpys(at_once, monkeypatch):
    """However few images' patches are held at once: an image has 18 x 4 x 5 = 360 numbers in them."""
    monkeypatch.setattr("archkit.bench.train.first_weights._AT_ONCE", at_once)
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
