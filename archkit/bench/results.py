"""What a run leaves: scores as exact counts, the epoch table, and `Result`, which is `result.json`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archkit.bench.mapping import MappingError, read
from archkit.bench.recipe import Recipe
from archkit.errors import DataError

__all__ = [
    "EPOCHS_FILE",
    "RESULT_FILE",
    "WEIGHTS_FILE",
    "DataRecord",
    "Environment",
    "EpochRow",
    "Result",
    "Score",
    "read_result",
    "run_key",
]

RESULT_FILE: Final = "result.json"
EPOCHS_FILE: Final = "epochs.csv"
WEIGHTS_FILE: Final = "weights.safetensors"

_FORMAT: Final = 2  # of result.json; part of the key, so that a change of meaning is another run


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How a network did on a set of images: counts, so that nothing is averaged twice or rounded.

    Attributes:
        correct: images whose largest logit is the label's.
        total: images.
        loss: mean cross entropy over the images, without label smoothing.
    """

    correct: int
    total: int
    loss: float

    @property
    def accuracy(self) -> float:
        """Share of correct images, 0 to 1."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the accuracy: what another sample of so many images lets expect.

        It says nothing of another seed.
        """
        z, n = 1.959963984540054, self.total
        middle = (self.accuracy + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(self.accuracy * (1 - self.accuracy) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return middle - half, middle + half


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRow:
    """One epoch; a line of `epochs.csv`.

    Attributes:
        epoch: from 1.
        lr: learning rate of the epoch's last step.
        train_loss: mean loss over the images trained on, augmented and label-smoothed, while training.
        train_correct: how many of those the network had right as it met them.
        train_total: images trained on.
        validation: score after the epoch; None where no images are set apart.
        seconds: of training, validation not counted.
        best: whether no earlier epoch had as many correct validation images; False without validation.
    """

    epoch: int
    lr: float
    train_loss: float
    train_correct: int
    train_total: int
    validation: Score | None
    seconds: float
    best: bool

    @property
    def images_per_second(self) -> float:
        """Training images per second."""
        return self.train_total / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRecord:
    """The data a run used.

    Attributes:
        name: of the data set.
        checksum: SHA-256 over the images and labels used, see `archkit.bench.data.DataSet`.
        classes: names of the classes.
        input: C, H, W.
        train: images trained on.
        validation: images set apart from the training images.
        test: images tested on.
        whole_train: training images of the whole data set, before a subset was taken.
        whole_test: test images of the whole data set.
    """

    name: str
    checksum: str
    classes: tuple[str, ...]
    input: tuple[int, ...]
    train: int
    validation: int
    test: int
    whole_train: int
    whole_test: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Where a run ran.

    Attributes:
        archkit: version of this package.
        python: version.
        torch: version, with the build.
        platform: operating system, machine and C library.
        device: the device's name, as its driver or system gives it.
        device_type: `cpu` or `cuda`.
        threads: torch's threads, on which the last bits of a CPU's sums depend.
        precision: what the recipe's came to: `float32`, `tf32` or `bfloat16`.
    """

    archkit: str
    python: str
    torch: str
    platform: str
    device: str
    device_type: str
    threads: int
    precision: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Everything about a finished run; `result.json` holds its fields.

    Attributes:
        key: hash of what defines the run, see `run_key`.
        spec: the network, canonical text.
        params: its parameters.
        macs: multiply-accumulates of its convs and linear layers for one image.
        recipe: in full.
        seed: of the weights, the order of the images and the augmentation.
        data: what it was trained and tested on.
        environment: where.
        epoch: the epoch whose weights were kept and tested.
        validation: their score on the images set apart, or None.
        test: their score on the test set, read once.
        validation_flip: as `validation`, by the mean of the logits of each image and its mirror image;
            None unless the recipe's `protocol.test_augment` is `flip`.
        test_flip: as `test`, likewise; a figure besides the headline, never in its place.
        train_seconds: time in training steps, all epochs; building, estimating and evaluating not
            counted.
        images_per_second: training images per second of that.
        total_seconds: time from the first step to the test score.
        compile_seconds: time in which `torch.compile` compiled, part of no other figure; None where
            nothing is compiled.
        peak_share: share of the device's peak in bfloat16, counting three times the forward pass's
            multiply-accumulates for a training step, two operations each; None where the peak is not known
            or the run is in float32.
    """

    key: str
    spec: str
    params: int
    macs: int
    recipe: Recipe
    seed: int
    data: DataRecord
    environment: Environment
    epoch: int
    validation: Score | None
    test: Score
    train_seconds: float
    images_per_second: float
    total_seconds: float
    validation_flip: Score | None = None
    test_flip: Score | None = None
    compile_seconds: float | None = None
    peak_share: float | None = None

    def to_mapping(self) -> dict[str, Any]:
        """The fields as nested plain mappings; `read_result` is the inverse."""
        return dataclasses.asdict(self)


def run_key(*, spec: str, recipe: Recipe, seed: int, data: str) -> str:
    """What a run is found by: a hash of all that decides its outcome, hexadecimal.

    The recipe's name decides nothing and is left out; neither is the device part of it.

    Args:
        spec: canonical text of the network.
        recipe: the recipe.
        seed: the run's seed.
        data: checksum of the data.
    """
    fields = recipe.to_mapping()
    del fields["name"]
    what = {"format": _FORMAT, "spec": spec, "recipe": fields, "seed": seed, "data": data}
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_result(folder: Path) -> Result:
    """The result of the finished run in `folder`.

    Raises:
        DataError: there is none, or it is not one.
    """
    path = folder / RESULT_FILE
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(table, dict):
            raise MappingError("not an object")
        return read(Result, table)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # JSON, UTF-8, or a field that is missing or wrong
        raise DataError(f"{path} is not the result of a run: {error}") from error
