"""`Trainer`: the state of a training run and its two moves, an epoch of steps and an evaluation.

Images stay on the device as uint8 from the first step to the last. Nothing in a step waits for the
device: losses and counts are added up there and read at the end of an epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archkit.bench import augment
from archkit.bench.data import DataSet, split
from archkit.bench.device import synchronize, use_bfloat16
from archkit.bench.optim import make_optimizer, make_schedule
from archkit.bench.recipe import Recipe
from archkit.bench.results import Score
from archkit.errors import RunError
from archkit.nn import build
from archkit.spec import ArchSpec

__all__ = ["EVALUATION_BATCH", "DeviceData", "Labelled", "Passed", "Trainer"]

EVALUATION_BATCH: Final = 500

_CHECK_EVERY: Final = 50  # steps between two looks at the loss, each of which waits for a GPU


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Labelled:
    """Images and labels on a device.

    Attributes:
        images: N x H x W x C, uint8.
        labels: N, int64.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeviceData:
    """A data set on a device, split as the recipe's protocol has it.

    Attributes:
        train: images to train on.
        validation: images set apart; may be none.
        test: the test set.
        mean: C, float32, of all training images, those set apart included, in steps of 0..255.
        std: C, float32, likewise; 1 where a channel is constant.
    """

    train: Labelled
    validation: Labelled
    test: Labelled
    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, data: DataSet, recipe: Recipe, device: torch.device) -> DeviceData:
        """Copies a data set to a device.

        Raises:
            DataError: there are too few images to split.
        """
        kept, apart = split(len(data.train_labels), recipe.protocol.validation)
        mean, std = _statistics(data.train_images)

        def on_device(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Labelled:
            # A copy in any case: torch cannot hold a read-only array.
            pixels = images.transpose(0, 2, 3, 1).copy()
            return Labelled(
                images=torch.from_numpy(pixels).to(device), labels=torch.from_numpy(labels.copy()).to(device)
            )

        return cls(
            train=on_device(data.train_images[kept], data.train_labels[kept]),
            validation=on_device(data.train_images[apart], data.train_labels[apart]),
            test=on_device(data.test_images, data.test_labels),
            mean=torch.from_numpy(mean).to(device),
            std=torch.from_numpy(std).to(device),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What an epoch of training showed.

    Attributes:
        loss: mean over the images, as trained: augmented, with label smoothing.
        correct: images that were right as they were met.
        total: images.
        lr: learning rate of the last step.
        seconds: how long it took.
    """

    loss: float
    correct: int
    total: int
    lr: float
    seconds: float


class Trainer:
    """A run between its first and last step: model, optimizer, schedule and generator.

    The weights are drawn from torch's global generator, seeded here; everything else has a generator of
    its own. Callers who care for the global generator fork it.

    Args:
        spec: the network; its input and classes are the data's.
        data: on the device.
        recipe: how to train.
        seed: of weights, order and augmentation.
        device: where.

    Raises:
        RunError: the recipe does not fit the data.
    """

    def __init__(
        self, spec: ArchSpec, data: DeviceData, recipe: Recipe, *, seed: int, device: torch.device
    ) -> None:
        self.recipe, self.device, self.data = recipe, device, data
        self.images = _images_each_epoch(len(data.train), recipe)
        self.steps = -(-self.images // recipe.batch_size)
        H, W = data.train.images.shape[1:3]
        pad = recipe.augment.pad
        if pad >= min(H, W) and recipe.augment.pad_mode == "reflect":
            raise RunError(f"augment.pad={pad} cannot be reflected in images of {H}x{W}")
        torch.manual_seed(seed)
        # Weights are drawn on the CPU, so that a seed means the same network on every device.
        self.model: nn.Module = build(spec, device="cpu").to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack the pair
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.schedule = make_schedule(self.optimizer, recipe.schedule, epochs=recipe.epochs, steps=self.steps)
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        self._generator = torch.Generator(device).manual_seed(seed)
        self._bfloat16 = use_bfloat16(recipe.precision, device)
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
    def rate(self) -> float:
        """Learning rate of the latest step; before the first, the one it will have."""
        return self._rate

    def step(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """One step on the images `index`: B indices -> mean loss and correct images, on the device."""
        labels = self.data.train.labels[index]
        plan = self.recipe.augment
        draws = augment.draw(len(index), plan, self._generator)
        images = augment.apply(self.data.train.images, index, draws, pad=plan.pad, pad_mode=plan.pad_mode)
        with self._autocast():
            logits = self.model(self._normalised(images)).float()
        loss = nn.functional.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        self.optimizer.step()
        self._rate = float(self.optimizer.param_groups[0]["lr"])
        self.schedule.step()
        return loss.detach(), (logits.detach().argmax(1) == labels).sum()

    @torch.inference_mode()
    def evaluate(self, part: Labelled) -> Score:
        """Scores the model on images as they are, without augmentation."""
        self.model.eval()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for start in range(0, len(part), EVALUATION_BATCH):
            labels = part.labels[start : start + EVALUATION_BATCH]
            images = part.images[start : start + EVALUATION_BATCH].permute(0, 3, 1, 2)
            with self._autocast():
                logits = self.model(self._normalised(images)).float()
            loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
            correct += (logits.argmax(1) == labels).sum()
        return Score(correct=int(correct.item()), total=len(part), loss=loss.item() / len(part))

    def weights(self) -> dict[str, Tensor]:
        """A copy of the model's weights and buffers on the CPU, contiguous."""
        return {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in self.model.state_dict().items()
        }

    def load(self, weights: dict[str, Tensor]) -> None:
        """Puts back what `weights` gave."""
        self.model.load_state_dict(weights)

    def _normalised(self, images: Tensor) -> Tensor:
        """B x C x H x W, uint8 -> float32 of mean 0 and deviation 1, in the same memory format."""
        return (images.to(torch.float32) - self._mean) / self._std

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self._bfloat16)

    def _require_finite(self, losses: Tensor, step: int) -> None:
        if not bool(torch.isfinite(losses)):
            raise RunError(
                f"the loss is not finite at step {step} of the epoch, at a learning rate of {self._rate:g};"
                " a lower --lr may help"
            )


def _images_each_epoch(images: int, recipe: Recipe) -> int:
    """Images of an epoch's whole batches and, unless it is dropped, its last part."""
    left = images % recipe.batch_size
    if recipe.drop_last and images < recipe.batch_size:
        raise RunError(
            f"a batch of {recipe.batch_size} is larger than the {images} training images, and this recipe"
            " drops what does not fill a batch; a smaller --batch-size is needed"
        )
    # Batch norm cannot train on one value for each channel, which a last batch of one image may come to.
    used = images - left if recipe.drop_last or left == 1 else images
    if not used:
        raise RunError("one training image is not enough: batch norm needs two")
    return used


def _statistics(images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each channel over N x C x H x W, from exact sums; C each."""
    total = np.zeros(images.shape[1], np.int64)
    squares = np.zeros(images.shape[1], np.int64)
    for start in range(0, len(images), 1000):
        chunk = images[start : start + 1000].astype(np.int32)
        total += chunk.sum((0, 2, 3), dtype=np.int64)
        squares += (chunk * chunk).sum((0, 2, 3), dtype=np.int64)
    count = images.size // images.shape[1]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)
