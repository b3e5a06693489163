"""What training holds at least, against the storages that live in a step; and what cannot fit is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Recipe
from archkit.bench.train import room as rooms
from archkit.bench.train.engine import measure, train
from archkit.bench.train.optim import make_optimizer
from archkit.bench.train.room import check_room, least_held, room
from archkit.bench.train.trainer import DeviceData
from archkit.count.figure import as_bytes
from archkit.errors import RunError
from archkit.nn import build
from archkit.spec import ArchSpec, parse
from tests.count.test_eager import Storages
from tests.count.test_training import seen_by_torch
from tests.strategies import share, specs

CPU = torch.device("cpu")


def _lives(spec: ArchSpec, recipe: Recipe, batch: int) -> int:
    """The most bytes that live in a second step, weights and buffers too."""
    network = build(spec).train()
    optimizer = make_optimizer(network, recipe.optimizer)
    images = torch.randn(batch, *spec.input)
    labels = torch.zeros(batch, dtype=torch.int64)
    own = sum(one.nbytes for one in (*network.parameters(), *network.buffers()))
    with Storages(network, images) as storages:
        for _ in range(2):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()
    return own + storages.peak


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_no_step_holds_less(optimizer: str) -> None:
    recipe = _recipe(optimizer)
    for text in ("[2,1]x[16,32] input=3x16x16", "[1,2]x[8,16] block=mbconv input=3x16x16"):
        spec = parse(text)
        least, lives = least_held(spec, recipe, batch=16), _lives(spec, recipe, 16)
        assert 0.6 * lives < least <= lives


@pytest.mark.parametrize("text", ["[2,1]x[16,32] input=3x16x16", "[1,2]x[8,16] block=mbconv input=3x16x16"])
def test_a_gpu_is_told_nearly_all_that_lives(text: str) -> None:
    """While something looks on, torch adds no gradients in place, and a step may hold a little more."""
    spec = parse(text)
    least, lives = (
        least_held(spec, _recipe("momentum"), batch=16, gpu=True),
        seen_by_torch(spec, 16, "momentum", 2),
    )
    assert 0.98 * lives < least <= lives
    assert least > least_held(spec, _recipe("momentum"), batch=16)


def test_in_two_bytes_or_compiled_a_gpu_is_told_the_same_as_others() -> None:
    spec, recipe = parse("[2,1]x[16,32] input=3x16x16"), _recipe("momentum")
    for changed, half in ((recipe, True), (replace(recipe, compile="default"), False)):
        found = [least_held(spec, changed, batch=16, half=half, gpu=gpu) for gpu in (False, True)]
        assert found[0] == found[1]


@given(specs(max_stages=3, max_blocks=2, widths=(4, 24), max_size=24))
@settings(max_examples=share(0.2))
def test_random_networks_hold_no_less(spec: ArchSpec) -> None:
    assert least_held(spec, _recipe("momentum"), batch=4) <= _lives(spec, _recipe("momentum"), 4)


def _recipe(optimizer: str) -> Recipe:
    momentum = 0.9 if optimizer == "momentum" else 0.0
    name = "sgd" if optimizer == "momentum" else optimizer
    given = {"name": "test", "epochs": 1, "batch_size": 16, "precision": "float32"}
    return Recipe.from_mapping({**given, "optimizer": {"name": name, "lr": 0.1, "momentum": momentum}})


def test_by_hand() -> None:
    """Weights, statistics and momentum, and what autograd keeps; compiled, the gradients in its place."""
    spec, recipe = parse("[1]x[8] input=3x4x4"), _recipe("momentum")
    params = 216 + 16 + 2 * (576 + 16) + 90
    stats = 3 * (2 * 8 * 4 + 8)
    assert least_held(spec, replace(recipe, compile="default"), batch=2) == 3 * 4 * params + stats
    assert least_held(spec, replace(recipe, ema=0.9, compile="default"), batch=2) == 4 * 4 * params + stats
    images, maps = 3 * 16, 8 * 16
    # Of the stem and of either conv what enters, and what a norm is given; the last ReLU's output; the
    # pooled map; and two values for each channel of the three norms.
    kept = (images + 3 * maps + 3 * maps + 8) * 2 + 3 * 2 * 8
    assert least_held(spec, recipe, batch=2) == 2 * 4 * params + stats + 4 * kept
    kept = (images + 3 * maps + 3 * maps + 8) * 8 + 3 * 2 * 8
    assert least_held(spec, recipe, batch=8, half=True) == 2 * 4 * params + stats + 2 * kept


def test_what_cannot_fit_is_refused_with_the_batch_that_may(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, recipe = parse("[2,1]x[16,32]"), replace(_recipe("momentum"), batch_size=512)
    free = least_held(spec, recipe, batch=100) + 1_000
    monkeypatch.setattr(rooms, "room", lambda _: free)
    with pytest.raises(RunError, match=r"batches of 512 .* cpu has .* free; --batch-size 100 is the largest"):
        check_room(spec, recipe, CPU, half=False, images=1_000)
    fitting = replace(recipe, batch_size=100)
    assert check_room(spec, fitting, CPU, half=False, images=1_000) == free
    monkeypatch.setattr(rooms, "room", lambda _: least_held(spec, recipe, batch=90, gpu=True))
    with pytest.raises(RunError, match=r"cuda has .* free; --batch-size 90 is the largest"):
        check_room(spec, recipe, torch.device("cuda"), half=False, images=0)
    monkeypatch.setattr(rooms, "room", lambda _: 1_000)
    with pytest.raises(RunError, match="no batch does"):
        check_room(spec, recipe, CPU, half=False, images=0)
    monkeypatch.setattr(rooms, "room", lambda _: None)
    assert check_room(spec, recipe, CPU, half=False, images=0) > 1_000


def test_a_run_is_refused_before_it_starts(
    tiny: DataSet, brief: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = parse("[1,1]x[8,16] input=3x8x8 classes=3")
    ahead = measure(spec, tiny, brief, device=CPU)
    images = (60 + 30) * 3 * 8 * 8
    assert ahead.held == images + least_held(spec, brief, batch=16)
    monkeypatch.setattr(rooms, "room", lambda _: 10)
    monkeypatch.setattr(DeviceData, "of", lambda *_args, **_more: pytest.fail("it started"))
    with pytest.raises(RunError, match="cannot fit"):
        train(spec, tiny, brief, seed=0, device=CPU)


def test_the_room_of_this_machine() -> None:
    free = room(CPU)
    assert free is None or 0 < free < 2**50


def test_the_room_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver has left, and what torch has taken and does not use."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1_000, 9_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 500)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 200)
    assert room(torch.device("cuda:0")) == 1_300


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (1_234_567, "1.23 MB"),
        (999_600, "1 MB"),
        (8 * 10**9, "8 GB"),
    ],
)
def test_bytes_in_three_digits(value: int, said: str) -> None:
    assert as_bytes(value) == said
