"""`Trainer`: the state of a training run, and what it can do: an epoch of steps, and an evaluation.

Images stay on the device as uint8. Nothing in a step waits for it: losses and counts are read after an epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

from archkit.bench.augment.pipeline import loss_of
from archkit.bench.recipe import Initialise, Recipe
from archkit.bench.train.average import Average
from archkit.bench.train.compiling import compiled, steps_to_compile
from archkit.bench.train.device import arithmetic, synchronize
from archkit.bench.train.device_data import DeviceData, Labelled
from archkit.bench.train.evaluation import EVALUATION_BATCH, Answers, Views, answers
from archkit.bench.train.feed import Feed
from archkit.bench.train.first_weights import first_weights
from archkit.bench.train.image_sizes import first_of_each, image_sizes, resized
from archkit.bench.train.initial import Initial
from archkit.bench.train.lookahead import Lookahead
from archkit.bench.train.optim import make_optimizer, make_schedule
from archkit.bench.train.outcome import Passed
from archkit.errors import RunError
from archkit.nn import build, drop_bodies
from archkit.spec import ArchSpec

__all__ = ["EVALUATION_BATCH", "DeviceData", "Labelled", "NotFiniteError", "Passed", "Trainer"]

_CHECK_EVERY: Final = 50  # steps between two checks of the loss, each of which waits for the GPU


class NotFiniteError(RunError):
    """The loss became infinite or not a number; going on, or going back to a checkpoint, would not help."""


class Trainer:
    """A run between its first and its last step: model, optimizer, schedule and generator.

    The weights are drawn from torch's global generator, which is seeded here; everything else has a generator
    of its own, with another seed. A caller that needs the global generator unchanged must fork it.

    Args:
        spec: the network; its input and classes are those of the data.
        data: the images, on the device.
        recipe: how to train.
        seed: the seed of the weights, the order and the augmentation.
        device: where to train.
        initial: the weights that take the place of the random ones.
        classes: what the outputs stand for, in order; asked for with `initial` alone.

    Raises:
        RunError: the recipe does not fit the data, or the weights are another network's.
    """

    def __init__(
        self,
        spec: ArchSpec,
        data: DeviceData,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        initial: Initial | None = None,
        classes: tuple[str, ...] = (),
    ) -> None:
        self.recipe, self.device, self.data = recipe, device, data
        self.feed = Feed(data, recipe, seed=seed, device=device)
        self.images = self.feed.images
        self.steps = -(-self.images // recipe.batch_size)
        if recipe.protocol.test_augment == "six" and min(data.train.images.shape[1:3]) < 2:
            raise RunError("protocol.test_augment=six needs images of at least 2x2")
        torch.manual_seed(seed)
        # The weights are drawn on the CPU, so that a seed means the same network on every device.
        network = build(spec, device="cpu")
        if recipe.stochastic_depth:
            drop_bodies(network, recipe.stochastic_depth)
        self.model: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack the pair
        if recipe.initialise != Initialise():
            if initial is not None:
                raise RunError("a run that begins with another's weights takes no `initialise`")
            first_weights(self.model, recipe.initialise, data.train.images, self.feed.mean, self.feed.std)
        if initial is not None:
            initial.put_into(self.model, classes=classes)
        self.average = Average(self.model, recipe.ema) if recipe.ema else None
        self._sizes = image_sizes(spec, recipe)
        self._as_in: int | None = None
        # The same weights in a compiled forward pass; what is evaluated and kept is never compiled.
        self._trained = compiled(self.model, recipe.compile)
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.schedule = make_schedule(self.optimizer, recipe.schedule, epochs=recipe.epochs, steps=self.steps)
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        every, share = recipe.optimizer.lookahead, recipe.optimizer.lookahead_share
        parameters = self.model.parameters()
        self.lookahead = Lookahead(parameters, every=every, share=share) if every else None
        self._bfloat16 = arithmetic(recipe.precision, device) == "bfloat16"

    def epoch(self, on_step: Callable[[int], None]) -> Passed:
        """Trains on every image once.

        Args:
            on_step: called after each step with its number, from 1.

        Raises:
            RunError: the loss is not finite.
        """
        self.model.train()
        started = time.perf_counter()
        losses = torch.zeros((), device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        check_every = 1 if self.device.type == "cpu" else _CHECK_EVERY
        with closing(self.feed.ready(self.feed.batches(), self._epoch)) as batches:
            for step, (index, pixels) in enumerate(batches, 1):
                loss, right = self.step(index, pixels)
                losses += loss * len(index)
                correct += right
                if step % check_every == 0 or step == self.steps:
                    self._require_finite(losses, step)
                on_step(step)
        lr = self.rate
        total_loss, total_correct = losses.item(), int(correct.item())
        synchronize(self.device)
        return Passed(
            loss=total_loss / self.images,
            correct=total_correct,
            total=self.images,
            lr=lr,
            seconds=time.perf_counter() - started,
        )

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The sizes of an epoch's batches: first that of a smaller last one, if there is one."""
        whole, left = min(self.recipe.batch_size, self.images), self.images % self.recipe.batch_size
        return (left, whole) if 0 < left < whole else (whole,)

    @property
    def rate(self) -> float:
        """The learning rate of the latest step; before the first step, the rate that it will have."""
        return self._rate

    @contextmanager
    def as_in(self, epoch: int) -> Iterator[None]:
        """In the block, images are as large and as flipped as in that epoch, counted from 0."""
        self._as_in = epoch
        try:
            yield
        finally:
            self._as_in = None

    def step(self, index: Tensor, pixels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """A step on some images.

        Args:
            index: B, which images.
            pixels: what `Feed.ready` made of them; made here unless given.

        Returns:
            The mean loss, and how many images were classified correctly, on the device.
        """
        epoch = self._epoch
        # Before the forward pass, in which a recorded graph may use the gradients' memory again.
        self.optimizer.zero_grad(set_to_none=True)
        labels, smoothing = self.data.train.labels[index], self.recipe.label_smoothing
        images, mix = self.feed.mixed(self.feed.pixels(index, epoch) if pixels is None else pixels)
        if self._sizes is not None:
            images = resized(images, self._sizes[min(epoch, len(self._sizes) - 1)])
        with self._autocast():
            logits = self._trained(images).float()
        loss = loss_of(logits, labels, mix, label_smoothing=smoothing)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()
        if self.lookahead is not None:
            self.lookahead.update()
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        # More steps may be measured than the run has, and OneCycleLR refuses to go on past its end.
        if self.schedule.last_epoch < self.recipe.epochs * self.steps:
            self.schedule.step()
        if self.average is not None:
            self.average.update()
        return loss.detach(), (logits.detach().argmax(1) == labels).sum()

    @property
    def evaluated(self) -> nn.Module:
        """The model that is scored and kept: the average of the weights if there is one."""
        return self.model if self.average is None else self.average.model

    def evaluate(self, part: Labelled, views: Views = "one") -> Answers:
        """Scores the model on images without augmentation; see `archkit.bench.train.evaluation.answers`."""
        return answers(
            self.evaluated,
            part,
            mean=self.feed.mean,
            std=self.feed.std,
            bfloat16=self._bfloat16,
            views=views,
        )

    def weights(self) -> dict[str, Tensor]:
        """A copy of the evaluated model's weights and buffers on the CPU, contiguous."""
        return {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in self.evaluated.state_dict().items()
        }

    def load(self, weights: dict[str, Tensor]) -> None:
        """Loads what `weights` returned."""
        self.evaluated.load_state_dict(weights)

    def warm_up(self) -> None:
        """Takes steps with each size of batches and of images, so that everything is compiled.

        The trainer has moved on afterwards; `state` and `restore` undo it.
        """
        self.model.train()
        for size in self.batch_sizes:
            for epoch in first_of_each(self._sizes):
                with self.as_in(epoch):
                    for _ in range(steps_to_compile(self.recipe.compile)):
                        self.step(torch.arange(size, device=self.device))
        synchronize(self.device)

    def state(self) -> dict[str, Any]:
        """A copy of all that decides what comes next: nested dicts, lists, numbers, tensors on the device.

        Nothing waits for the device: most of these copies are never written.
        """
        average = self.average
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rate": self._rate,
            "generator": self.feed.generator.get_state(),
            "cpu_generator": torch.get_rng_state(),
            "average": None if average is None else average.model.state_dict(),
            "average_steps": 0 if average is None else average.steps,
        }
        if self.lookahead is not None:
            state["slow"], state["ahead"] = self.lookahead.slow, self.lookahead.ahead
        if self.device.type == "cuda":
            state["cuda_generator"] = torch.cuda.get_rng_state(self.device)
        copied: dict[str, Any] = _copied(state)
        return copied

    def restore(self, state: Mapping[str, Any]) -> None:
        """Brings the trainer back to where it was when `state` was called, to the bit."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for parameter, of_one in self.optimizer.state.items():
            for name, value in of_one.items():
                # Sums are taken in the order of memory, so this order is part of the state.
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    of_one[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value).detach()
        self.schedule.load_state_dict(state["schedule"])
        self._rate = state["rate"]
        self.feed.generator.set_state(state["generator"])
        torch.set_rng_state(state["cpu_generator"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_generator"], self.device)
        if self.average is not None:
            self.average.model.load_state_dict(state["average"])
            self.average.steps = state["average_steps"]
        if self.lookahead is not None:
            self.lookahead.restore(state["slow"], state["ahead"])

    @property
    def _epoch(self) -> int:
        """The epoch that the next step is in, from 0."""
        return self.schedule.last_epoch // self.steps if self._as_in is None else self._as_in

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._bfloat16)

    def _require_finite(self, losses: Tensor, step: int) -> None:
        if not bool(torch.isfinite(losses)):
            raise NotFiniteError(
                f"the loss is not finite at step {step} of the epoch, at a learning rate of {self._rate:g};"
                " a lower --lr may help"
            )


def _copied(value: Any) -> Any:
    """A copy of every tensor; dicts, lists and tuples are copied, everything else is shared."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: _copied(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(v) for v in value)
    return value
