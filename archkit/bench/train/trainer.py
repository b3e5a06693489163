"""`Trainer`: the state of a training run, and what it can do: an epoch of steps, and an evaluation.

Images stay on the device as uint8. Nothing in a step waits for it: losses and counts are read after an epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from archkit.bench.augment.mixing import mixed_loss
from archkit.bench.augment.pipeline import check_augment, training_batch
from archkit.bench.recipe import Recipe
from archkit.bench.train.average import Average
from archkit.bench.train.compiling import compiled, steps_to_compile
from archkit.bench.train.device import arithmetic, synchronize
from archkit.bench.train.device_data import DeviceData, Labelled
from archkit.bench.train.evaluation import EVALUATION_BATCH, Answers, answers
from archkit.bench.train.initial import Initial
from archkit.bench.train.optim import make_optimizer, make_schedule
from archkit.errors import RunError
from archkit.nn import build
from archkit.spec import ArchSpec

__all__ = ["EVALUATION_BATCH", "DeviceData", "Labelled", "NotFiniteError", "Passed", "Trainer"]

_CHECK_EVERY: Final = 50  # steps between two checks of the loss, each of which waits for the GPU


class NotFiniteError(RunError):
    """The loss became infinite or not a number; going on, or going back to a checkpoint, would not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What one pass over the training images showed.

    Attributes:
        loss: the mean over the images as they are trained on: augmented, with label smoothing.
        correct: how many images the network had right when they came.
        total: how many images there were.
        lr: the learning rate of the last step.
        seconds: how long the pass took.
    """

    loss: float
    correct: int
    total: int
    lr: float
    seconds: float


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
        self.images = _images_each_epoch(len(data.train), recipe)
        self.steps = -(-self.images // recipe.batch_size)
        check_augment(recipe.augment, data.train.images.shape[1:])
        torch.manual_seed(seed)
        # The weights are drawn on the CPU, so that a seed means the same network on every device.
        self.model: nn.Module = build(spec, device="cpu").to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack the pair
        if initial is not None:
            initial.put_into(self.model, classes=classes)
        self.average = Average(self.model, recipe.ema) if recipe.ema else None
        # The same weights in a compiled forward pass; what is evaluated and kept is never compiled.
        self._trained = compiled(self.model, recipe.compile)
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.schedule = make_schedule(self.optimizer, recipe.schedule, epochs=recipe.epochs, steps=self.steps)
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        self._generator = torch.Generator(device).manual_seed(_second_stream(seed))
        self._bfloat16 = arithmetic(recipe.precision, device) == "bfloat16"
        self._mean, self._std = data.mean[:, None, None], data.std[:, None, None]

    def epoch(self, on_step: Callable[[int], None]) -> Passed:
        """Trains on every image once.

        Args:
            on_step: called after each step with its number, from 1.

        Raises:
            RunError: the loss is not finite.
        """
        self.model.train()
        started = time.perf_counter()
        order = torch.randperm(len(self.data.train), generator=self._generator, device=self.device)
        losses = torch.zeros((), device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        check_every = 1 if self.device.type == "cpu" else _CHECK_EVERY
        for step, index in enumerate(torch.split(order[: self.images], self.recipe.batch_size), 1):
            loss, right = self.step(index)
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

    def step(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """A step on the images `index`: B indices -> the mean loss and the correct images, on the device."""
        # Before the forward pass, in which a recorded graph may use the gradients' memory again.
        self.optimizer.zero_grad(set_to_none=True)
        labels, smoothing = self.data.train.labels[index], self.recipe.label_smoothing
        images, mix = training_batch(
            self.data.train.images,
            index,
            self.recipe.augment,
            self._generator,
            mean=self._mean,
            std=self._std,
        )
        with self._autocast():
            logits = self._trained(images).float()
        if mix is None:
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        else:
            loss = mixed_loss(logits, labels, mix, label_smoothing=smoothing)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()
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

    def evaluate(self, part: Labelled, *, flip: bool = False) -> Answers:
        """Scores the model on images without augmentation; see `archkit.bench.train.evaluation.answers`."""
        return answers(
            self.evaluated, part, mean=self._mean, std=self._std, bfloat16=self._bfloat16, flip=flip
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
        """Takes steps with each batch size of an epoch, so that everything is compiled.

        The trainer has moved on afterwards; `state` and `restore` undo it.
        """
        self.model.train()
        for size in self.batch_sizes:
            for _ in range(steps_to_compile(self.recipe.compile)):
                self.step(torch.arange(size, device=self.device))
        synchronize(self.device)

    def state(self) -> dict[str, Any]:
        """A copy of all that decides what comes next: nested dicts, lists, numbers, tensors on the CPU."""
        average = self.average
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rate": self._rate,
            "generator": self._generator.get_state(),
            "cpu_generator": torch.get_rng_state(),
            "average": None if average is None else average.model.state_dict(),
            "average_steps": 0 if average is None else average.steps,
        }
        if self.device.type == "cuda":
            state["cuda_generator"] = torch.cuda.get_rng_state(self.device)
        copied: dict[str, Any] = _on_cpu(state)
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
        self._generator.set_state(state["generator"])
        torch.set_rng_state(state["cpu_generator"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_generator"], self.device)
        if self.average is not None:
            self.average.model.load_state_dict(state["average"])
            self.average.steps = state["average_steps"]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._bfloat16)

    def _require_finite(self, losses: Tensor, step: int) -> None:
        if not bool(torch.isfinite(losses)):
            raise NotFiniteError(
                f"the loss is not finite at step {step} of the epoch, at a learning rate of {self._rate:g};"
                " a lower --lr may help"
            )


def _second_stream(seed: int) -> int:
    """The seed of the order and the augmentation, from the run's, which is that of the weights.

    With the run's seed, a generator on the CPU would draw the same numbers again that made the weights.
    """
    child = np.random.SeedSequence(seed).spawn(2)[1]
    return int(child.generate_state(1, np.uint64)[0])


def _images_each_epoch(images: int, recipe: Recipe) -> int:
    """How many images an epoch trains on: whole batches and, unless that is dropped, what is left."""
    left = images % recipe.batch_size
    if recipe.drop_last and images < recipe.batch_size:
        raise RunError(
            f"a batch of {recipe.batch_size} is larger than the {images} training images, and this recipe"
            " drops what does not fill a batch; a smaller --batch-size is needed"
        )
    # Batch norm cannot train on one value for each channel, which a last batch of one image may leave.
    used = images - left if recipe.drop_last or left == 1 else images
    if not used:
        raise RunError("one training image is not enough: batch norm needs two")
    return used


def _on_cpu(value: Any) -> Any:
    """A copy with every tensor on the CPU; dicts, lists and tuples are copied, everything else is shared."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _on_cpu(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_cpu(v) for v in value)
    return value
