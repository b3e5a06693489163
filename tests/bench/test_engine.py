"""The engine against a plain training loop, and what it promises about bits, counts and bad ends."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from archkit.bench.data.dataset import split
from archkit.bench.recipe import Augment, Protocol, override
from archkit.bench.train.engine import estimate, train
from archkit.bench.train.events import Step, TimeEstimate
from archkit.bench.train.results import EpochRow
from archkit.bench.train.trainer import DeviceData, NotFiniteError, Trainer
from archkit.errors import RunError
from archkit.nn import build
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1,1]x[8,16] input=3x8x8 classes=3")


def trainer_of(data, recipe, *, seed=0):
    return Trainer(SPEC, DeviceData.of(data, recipe, CPU), recipe, seed=seed, device=CPU)


def plain_count(weights, data, share=0.2):
    """Correct test images by a loop that shares nothing with the engine: float32, one image at a time."""
    model = build(SPEC)
    model.load_state_dict(weights)
    model.eval()
    kept, _ = split(len(data.train_labels), share)
    scaled = data.train_images[kept].astype(np.float64)
    mean, std = scaled.mean((0, 2, 3)), scaled.std((0, 2, 3))
    right = 0
    for image, label in zip(data.test_images, data.test_labels, strict=True):
        x = torch.tensor((image - mean[:, None, None]) / std[:, None, None], dtype=torch.float32)[None]
        right += int(model(x).argmax()) == label
    return right


def second_stream(seed):
    """As documented: the second child of numpy's SeedSequence, as one number of 64 bits."""
    child = np.random.SeedSequence(seed).spawn(2)[1]
    return int(child.generate_state(1, np.uint64)[0])


def test_the_weights_and_the_order_come_from_streams_of_their_own(tiny, brief):
    """From one stream, the draws of the order would be those that made the first weights."""
    trainer = trainer_of(tiny, brief, seed=7)
    torch.manual_seed(7)
    assert torch.equal(trainer.weights()["head.fc.weight"], build(SPEC).state_dict()["head.fc.weight"])
    order = torch.Generator().manual_seed(second_stream(7))
    assert torch.equal(trainer.state()["generator"], order.get_state())
    assert not torch.equal(trainer.state()["generator"], torch.Generator().manual_seed(7).get_state())


def test_it_trains_as_a_plain_loop_does(tiny, brief):
    """Without augmentation, on the same order, a hand-written loop comes to the same weights."""
    recipe = replace(brief, augment=Augment(), protocol=Protocol(), label_smoothing=0.1)
    trainer = trainer_of(tiny, recipe)
    torch.manual_seed(0)
    model = build(SPEC).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    pixels = torch.tensor(tiny.train_images, dtype=torch.float32)
    x = (pixels - pixels.mean((0, 2, 3), keepdim=True)) / pixels.std((0, 2, 3), keepdim=True, correction=0)
    y = torch.tensor(tiny.train_labels)
    order, total, right = torch.Generator().manual_seed(second_stream(0)), 0.0, 0
    for indices in torch.randperm(60, generator=order).split(16):
        logits = model(x[indices])
        loss = criterion(logits, y[indices])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(indices)
        right += int((logits.argmax(1) == y[indices]).sum())
    passed = trainer.epoch(lambda _step: None)
    assert (passed.total, passed.correct) == (60, right)
    assert passed.loss == pytest.approx(total / 60, rel=1e-4)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(trainer.weights()[name], tensor, rtol=1e-3, atol=1e-4)


def test_the_test_score_is_an_exact_count(tiny, brief):
    outcome = train(SPEC, tiny, brief, seed=0, device=CPU)
    assert outcome.test.total == 30
    assert outcome.test.correct == plain_count(outcome.weights, tiny)


def test_a_seed_decides_every_bit(tiny, brief):
    one, two = (train(SPEC, tiny, brief, seed=5, device=CPU) for _ in range(2))
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)
    strip = [replace(row, seconds=0.0) for row in one.epochs]
    assert strip == [replace(row, seconds=0.0) for row in two.epochs]
    other = train(SPEC, tiny, brief, seed=6, device=CPU)
    assert not torch.equal(one.weights["head.fc.weight"], other.weights["head.fc.weight"])


def test_the_measured_steps_leave_no_trace(tiny, brief):
    outcome = train(SPEC, tiny, brief, seed=5, device=CPU)
    trainer = trainer_of(tiny, brief, seed=5)  # never measured
    passed = [trainer.epoch(lambda _step: None) for _ in range(brief.epochs)]
    assert [p.loss for p in passed] == [row.train_loss for row in outcome.epochs]


def test_torchs_global_generator_is_left_as_it_was(tiny, brief):
    torch.manual_seed(99)
    before = torch.get_rng_state()
    train(SPEC, tiny, brief, seed=0, device=CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_watch_is_told_everything_in_order(tiny, brief):
    """48 images are left to train on: 3 steps of 16, twice, and one batch of validation after each."""
    told = []
    outcome = train(SPEC, tiny, brief, seed=0, device=CPU, watch=told.append)
    assert [type(event) for event in told] == [TimeEstimate, *[Step] * 3, EpochRow, *[Step] * 3, EpochRow]
    assert (told[0].steps, told[0].evaluations) == (6, 3)
    assert told[1] == Step(epoch=1, epochs=2, step=1, steps=3)
    assert (told[4], told[8]) == outcome.epochs
    assert told[4].validation.total == 12
    assert (outcome.train, outcome.apart) == (48, 12)


def test_the_estimate_is_of_the_right_size(tiny, brief):
    measured = estimate(trainer_of(tiny, brief))
    assert len(measured.step_seconds) >= 2
    assert (
        min(measured.step_seconds) * 6
        < measured.seconds
        < 6 * max(measured.step_seconds) + 3 * max(measured.evaluation_seconds) + 1e-9
    )


@pytest.mark.parametrize("views", ["none", "flip", "six"])
def test_the_estimate_counts_what_is_evaluated(views, tiny, brief, monkeypatch):
    """Each evaluation of so few images is one batch, and asks the network about as many views as it has."""
    real, asked = Trainer.evaluate, []

    def noted(self, part, of="one"):
        asked.append({"one": 1, "flip": 2, "six": 6}[of])
        return real(self, part, of)

    recipe = override(brief, [("protocol.test_augment", views)])
    told = []

    def watch(event):
        if isinstance(event, TimeEstimate):
            asked.clear()  # those that were measured
        told.append(event)

    monkeypatch.setattr(Trainer, "evaluate", noted)
    train(SPEC, tiny, recipe, seed=0, device=CPU, watch=watch)
    assert sum(asked) == told[0].evaluations


def test_the_batch_that_is_left_is_warmed_up_before_the_steps_are_measured(tiny, brief, monkeypatch):
    """60 images in batches of 16 leave 12, whose first step would be timed as training otherwise."""
    step, sizes = Trainer.step, []

    def noted(self, index, pixels=None):
        sizes.append(len(index))
        return step(self, index, pixels)

    monkeypatch.setattr(Trainer, "step", noted)
    train(
        SPEC,
        tiny,
        override(brief, [("protocol.select", "last"), ("protocol.validation", 0.0)]),
        seed=0,
        device=CPU,
    )
    measured = sizes[: -2 * 4]
    assert sizes[-2 * 4 :] == [16, 16, 16, 12] * 2
    assert measured[:2] == [12, 16]
    assert set(measured[2:]) == {16}


@pytest.mark.parametrize("select", ["best", "last"])
def test_the_protocol_selects_the_epoch(tiny, brief, select):
    recipe = override(brief, [("epochs", 6), ("optimizer.lr", 0.3), ("protocol.select", select)])
    outcome = train(SPEC, tiny, recipe, seed=1, device=CPU)
    counts = [row.validation.correct for row in outcome.epochs]
    expected = counts.index(max(counts)) + 1 if select == "best" else 6
    assert outcome.epoch == expected
    assert outcome.validation == outcome.epochs[expected - 1].validation
    assert [row.best for row in outcome.epochs] == [
        count > max(counts[:i], default=-1) for i, count in enumerate(counts)
    ]
    assert outcome.test.correct == plain_count(outcome.weights, tiny)


def test_without_validation_all_images_are_trained_on(tiny, brief):
    recipe = replace(brief, protocol=Protocol())
    outcome = train(SPEC, tiny, recipe, seed=0, device=CPU)
    assert (outcome.train, outcome.apart, outcome.validation, outcome.epoch) == (60, 0, None, 2)
    assert all(row.train_total == 60 and row.validation is None for row in outcome.epochs)


@pytest.mark.parametrize(
    ("batch", "drop", "used", "steps"),
    [(16, False, 60, 4), (16, True, 48, 3), (59, False, 59, 1), (60, True, 60, 1), (100, False, 60, 1)],
)
def test_how_many_images_an_epoch_has(tiny, brief, batch, drop, used, steps):
    """A last batch of one image is left out: batch norm has nothing to train on."""
    recipe = replace(brief, batch_size=batch, drop_last=drop, protocol=Protocol())
    trainer = trainer_of(tiny, recipe)
    assert (trainer.images, trainer.steps) == (used, steps)
    taken = []
    assert trainer.epoch(taken.append).total == used
    assert taken == list(range(1, steps + 1))


def test_images_are_normalised_by_the_training_images_mean_and_deviation(tiny, brief):
    """Those set apart have no say: here they are the only bright ones."""
    kept, apart = split(60, 0.2)
    bright = tiny.train_images.copy()
    bright[apart] = 255
    data = DeviceData.of(replace(tiny, train_images=bright), brief, CPU)
    pixels = tiny.train_images[kept].astype(np.float64)
    np.testing.assert_allclose(data.mean, pixels.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(data.std, pixels.std((0, 2, 3)), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("batch_size", 61), ("drop_last", True)], "a batch of 61 is larger than the 48 training images"),
        ([("augment.pad", 8), ("augment.pad_mode", "reflect")], "augment.pad=8 cannot be reflected"),
        ([("optimizer.lr", 1e30)], "epoch 1: the loss is not finite at step"),
    ],
)
def test_what_cannot_work_ends_in_one_line(tiny, brief, changes, message):
    with pytest.raises(RunError) as caught:
        train(SPEC, tiny, override(brief, changes), seed=0, device=CPU)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("protocol.validation", 0.2)], "epoch 1: the loss on the images set apart is not finite"),
        ([("protocol.select", "last"), ("protocol.validation", 0.0)], "the loss on the test images is not f"),
    ],
)
def test_a_last_step_that_breaks_the_weights_ends_as_a_loss_in_training_does(tiny, brief, changes, message):
    """One step an epoch: its loss is that of the first weights, and finite."""
    recipe = override(brief, [("epochs", 1), ("batch_size", 60), ("optimizer.lr", 1e30), *changes])
    with pytest.raises(NotFiniteError, match=message) as caught:
        train(SPEC, tiny, recipe, seed=0, device=CPU)
    assert "\n" not in str(caught.value)


def test_a_network_for_other_images_is_refused(tiny, brief):
    with pytest.raises(RunError, match="10 classes, tiny has"):
        train(parse("[1]x[8] input=3x8x8"), tiny, brief, seed=0, device=CPU)


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(2**50),  # the real thing, on a CPU
        lambda: np.empty(2**60, np.uint8),
        lambda: throw(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")),
        lambda: throw(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")),
    ],
    ids=["cpu", "numpy", "cuda", "cublas"],
)
def test_memory_that_runs_out_ends_in_one_line(tiny, brief, monkeypatch, allocate):
    monkeypatch.setattr(Trainer, "step", lambda _self, _index: allocate())
    with pytest.raises(RunError, match="out of memory at batches of 16") as caught:
        train(SPEC, tiny, brief, seed=0, device=CPU)
    assert "\n" not in str(caught.value)


def test_another_error_is_not_taken_for_memory(tiny, brief, monkeypatch):
    monkeypatch.setattr(Trainer, "step", lambda _self, _index: throw(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        train(SPEC, tiny, brief, seed=0, device=CPU)


def throw(error):
    raise error


def test_a_run_of_fewer_steps_than_are_measured_ends_as_its_schedule_has_it(tiny, brief):
    """One step, five and more measured before it: OneCycleLR refuses to go on past its end."""
    changes = [("epochs", 1), ("batch_size", 60), ("schedule.name", "onecycle"), ("protocol.validation", 0.0)]
    recipe = override(brief, [*changes, ("protocol.select", "last")])
    (row,) = train(SPEC, tiny, recipe, seed=0, device=CPU).epochs
    optimizer = torch.optim.SGD(build(SPEC).parameters(), lr=0.05)
    torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.05, total_steps=1)
    assert row.lr == pytest.approx(optimizer.param_groups[0]["lr"])


def test_the_test_set_is_read_when_the_training_is_over(tiny, brief, monkeypatch):
    parts = []
    evaluate = Trainer.evaluate

    def noted(self, part, views="one"):
        parts.append((self.data.test.images.data_ptr() == part.images.data_ptr(), views != "one"))
        return evaluate(self, part, views)

    monkeypatch.setattr(Trainer, "evaluate", noted)
    recipe = override(brief, [("protocol.test_augment", "flip")])
    train(SPEC, tiny, recipe, seed=0, device=CPU, watch=lambda event: parts.append(type(event)))
    first = next(i for i, part in enumerate(parts) if part in ((True, False), (True, True)))
    assert parts[first - 1] is EpochRow
    assert EpochRow not in parts[first:]
    assert [p for p in parts if p in ((True, False), (True, True))] == [(True, False), (True, True)]


def test_bfloat16_keeps_weights_and_norms_in_float32(tiny, brief):
    recipe = override(brief, [("precision", "bfloat16")])
    outcome = train(SPEC, tiny, recipe, seed=0, device=CPU)
    assert {w.dtype for name, w in outcome.weights.items() if "num_batches" not in name} == {torch.float32}
    float32 = train(SPEC, tiny, brief, seed=0, device=CPU)
    assert outcome.epochs[0].train_loss != float32.epochs[0].train_loss  # it did run in bfloat16
    assert outcome.epochs[0].train_loss == pytest.approx(float32.epochs[0].train_loss, rel=0.05)
