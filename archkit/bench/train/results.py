"""What is recorded of a run: scores as exact counts, a row for each epoch, and `Result`, the whole."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import archkit
from archkit.bench.recipe import Recipe
from archkit.errors import DataError
from archkit.html_tables import html_table
from archkit.statistics import percent, wilson
from archkit.toml_values import MappingError, from_json, mapping, read

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

# Of result.json, and part of the key: a run whose fields or whose seed mean something else is another run.
_FORMAT: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How well a network did on a set of images: counts, so that nothing is averaged twice or rounded.

    Attributes:
        correct: images whose largest logit is that of their label.
        total: all images.
        loss: mean cross entropy over the images, without label smoothing.
    """

    correct: int
    total: int
    loss: float

    @property
    def accuracy(self) -> float:
        """The share of correct images, 0 to 1."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the accuracy: what to expect on another sample of as many images.

        It says nothing about another seed.
        """
        return wilson(self.correct, self.total)


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRow:
    """One epoch; a line of `epochs.csv`.

    Attributes:
        epoch: the number of the epoch, from 1.
        lr: the learning rate of the epoch's last step.
        train_loss: the mean loss over the images trained on, augmented and label-smoothed, while training.
        train_correct: how many of these images the network had right when they came.
        train_total: how many images were trained on.
        validation: the score after the epoch; None if no images are set apart.
        seconds: the time of training, without the validation.
        best: whether more validation images were correct than after any earlier epoch; False without
            validation.
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
    """The data that a run used.

    Attributes:
        name: the name of the data set.
        checksum: SHA-256 over the images and labels that were used, see `archkit.bench.data.dataset.DataSet`.
        classes: names of the classes, in the order of the logits.
        input: C, H, W.
        train: how many images were trained on.
        validation: how many of the training images were set apart.
        test: how many images were tested on.
        whole_train: how many training images the whole data set has, before a subset is taken.
        whole_test: how many test images the whole data set has.
        mean: what is subtracted from the pixels of each channel, 0 to 255, before the network sees them; None
            in runs that were recorded before this was.
        std: what the difference is divided by, likewise.
        test_checksum: SHA-256 over the test images and their labels alone, likewise.
        resized: whether images of another size were scaled to `input`.
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
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    test_checksum: str | None = None
    resized: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """Where a run ran.

    Attributes:
        archkit: the version of this package.
        python: the version of Python.
        torch: the version of torch, with the build.
        platform: the operating system, the machine and the C library.
        device: the device's name, as its driver or the system gives it.
        device_type: `cpu` or `cuda`.
        threads: torch's threads, on which the last bits of a CPU's sums depend.
        precision: what was computed in: `float32`, `tf32` or `bfloat16`.
        gpu_shared_by: up to how many runs of its suite were given the same GPU at once. With several, the
            seconds are not those of a run alone. None on a CPU, and where it was not recorded.
    """

    archkit: str
    python: str
    torch: str
    platform: str
    device: str
    device_type: str
    threads: int
    precision: str
    gpu_shared_by: int | None = None

    @property
    def device_text(self) -> str:
        """The device, the precision and how many runs shared a GPU, to read."""
        n = self.gpu_shared_by
        shared = f", shared by up to {n:,} runs" if n is not None and n > 1 else ""
        return f"{self.device}, {self.precision}{shared}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Everything about a finished run; these are the fields of `result.json`.

    Attributes:
        key: a hash of everything that decides the outcome, see `run_key`.
        spec: the network, as canonical text.
        params: the network's parameters.
        macs: multiply-accumulates of its convs and linear layers for one image.
        recipe: the recipe in full.
        seed: the seed of the weights, of the order of the images and of the augmentation.
        data: what it was trained and tested on.
        environment: where it ran.
        epoch: the epoch whose weights were kept and tested.
        validation: the score of these weights on the images set apart, or None.
        test: their score on the test set, which is read once.
        validation_flip: like `validation`, from the mean of the logits of each image and its mirror image;
            None unless the recipe's `protocol.test_augment` is `flip` or `six`.
        test_flip: like `test`, in the same way; it stands beside the headline, never in its place.
        validation_six: like `validation`, from six views of each image; None unless the recipe's
            `protocol.test_augment` is `six`.
        test_six: like `test`, in the same way.
        train_seconds: the time of all training steps, without building, estimating and evaluating.
        images_per_second: training images per second of that time.
        total_seconds: the time from the first step to the test score.
        compile_seconds: the time that `torch.compile` took, which is in no other figure; None if nothing is
            compiled.
        peak_share: the share of the device's peak in bfloat16, where a training step counts as three forward
            passes and a multiply-accumulate as two operations; None if the peak is unknown or the run is
            not in bfloat16.
        init: the key of the run with whose weights it began; None for random ones.
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
    validation_six: Score | None = None
    test_six: Score | None = None
    compile_seconds: float | None = None
    peak_share: float | None = None
    init: str | None = None

    def _repr_html_(self) -> str:
        """The run in short, in a notebook."""
        low, high = map(percent, self.test.interval)
        test = self.test
        rows = [
            ("test accuracy", f"{percent(test.accuracy)}%, {test.correct:,} of {test.total:,} images"),
            ("95% interval, other images", f"{low} to {high}"),
            ("parameters", self.params),
            ("MACs for one image", self.macs),
            ("data", self.data.name),
            ("recipe", f"{self.recipe.name}, {self.recipe.epochs:,} epochs, seed {self.seed}"),
            ("device", self.environment.device_text),
            ("training", f"{self.train_seconds:,.1f} s, {self.images_per_second:,.0f} images a second"),
        ]
        return html_table(("", ""), rows, caption=self.spec)

    def to_mapping(self) -> dict[str, Any]:
        """All fields as nested plain mappings; `read_result` is the inverse."""
        return mapping(self)


def run_key(*, spec: str, recipe: Recipe, seed: int, data: str, init: str | None = None) -> str:
    """The key by which a run is found: a hash of everything that decides its outcome, hexadecimal.

    Neither the recipe's name nor the device is part of it.

    Args:
        spec: the network, as canonical text.
        recipe: the recipe.
        seed: the run's seed.
        data: the checksum of the data.
        init: the key of the run with whose weights it begins; None for random ones.
    """
    what = {"format": _FORMAT, "spec": spec, "recipe": _deciding(recipe), "seed": seed, "data": data}
    if init is not None:
        what["init"] = init
    text = json.dumps(what, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.lru_cache(maxsize=1024)
def _deciding(recipe: Recipe) -> dict[str, Any]:
    """What decides a run in a recipe, which thousands of runs share; nobody changes what is returned."""
    return recipe.deciding()


def read_result(folder: Path) -> Result:
    """The result of the finished run in `folder`.

    Raises:
        DataError: there is no result, or the file is not one.
    """
    path, by = folder / RESULT_FILE, ""
    try:
        table = from_json(path.read_text(encoding="utf-8"))
        if not isinstance(table, dict):
            raise MappingError("not an object")
        by = _writer(table)
        return read(Result, table)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # no JSON, no UTF-8, or a field that is missing or wrong
        raise DataError(f"{path} is not the result of a run{by}: {error}") from error


def _writer(table: dict[str, Any]) -> str:
    """What is said of the version that wrote a result, if it is another than this."""
    where = table.get("environment")
    version = where.get("archkit") if isinstance(where, dict) else None
    if not isinstance(version, str) or version == archkit.__version__:
        return ""
    shown = "".join(c if c.isprintable() else "?" for c in version[:20])
    return f" to archkit {archkit.__version__} (archkit {shown} wrote it)"
