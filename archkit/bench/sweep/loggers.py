"""`logging`: the epochs of a run, also written for TensorBoard, MLflow or Weights & Biases.

A logger is a file beside this one with a class that has `write` and `close`, and a row in `LOGGERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from archkit.bench.sweep.place import partial_folder
from archkit.bench.train.events import Event, Step, Watch
from archkit.bench.train.results import EpochRow
from archkit.errors import RunError

__all__ = ["LOGGERS", "Writer", "logging"]

LOGGERS: Final = {
    "tensorboard": "tensorboard",
    "mlflow": "mlflow-skinny",
    "wandb": "wandb",
}
"""The package that each of the loggers needs; each is a module of its name in this wing, with `make`."""


class Writer(Protocol):
    """What writes down the figures of a run."""

    def write(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Writes the figures of an epoch, so that they can be read while the run goes on."""

    def close(self, *, whole: bool) -> None:
        """Ends it; `whole` if the run has come to its last epoch."""


@contextmanager
def logging(
    kind: str, folder: Path, watch: Watch, *, about: Mapping[str, Any] | None = None
) -> Iterator[Watch]:
    """A Watch that writes down every epoch before it calls `watch`.

    The figures of an epoch are `loss/train`, `loss/validation`, `accuracy/train`, `accuracy/validation`
    (shares from 0 to 1), `lr` and `images_per_second`. If a run goes on from a checkpoint, no epoch is there
    twice.

    Args:
        kind: one of `LOGGERS`.
        folder: the run's folder; `partial_folder(folder)` while the run goes on.
        watch: called with every event.
        about: what is known of the run before it starts, by name.

    Raises:
        RunError: the package is missing.
    """
    try:
        make = import_module(f"archkit.bench.sweep.{kind}").make
        new: Callable[[int], Writer] = make(partial_folder(folder), folder, dict(about or {}))
    except ImportError as error:
        package = LOGGERS[kind]
        raise RunError(f"--log {kind} needs the package {package}: pip install {package}") from error
    log = _Log(new, watch)
    try:
        yield log
    finally:
        log.close()


class _Log:
    """Writes at each epoch, and closes after the last, because the folder is renamed then."""

    def __init__(self, new: Callable[[int], Writer], watch: Watch) -> None:
        self._new, self._watch = new, watch
        self._writer: Writer | None = None
        self._epochs: int | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            self._epochs = event.epochs
        elif isinstance(event, EpochRow):
            if self._writer is None:
                self._writer = self._new(event.epoch)
            self._writer.write(event.epoch, dict(_figures(event)))
            if event.epoch == self._epochs:
                self.close(whole=True)
        self._watch(event)

    def close(self, *, whole: bool = False) -> None:
        """Closes the writer, if there is one."""
        if self._writer is not None:
            self._writer.close(whole=whole)
            self._writer = None


def _figures(row: EpochRow) -> Iterator[tuple[str, float]]:
    yield "loss/train", row.train_loss
    yield "accuracy/train", row.train_correct / row.train_total
    yield "lr", row.lr
    yield "images_per_second", row.images_per_second
    if row.validation is not None:
        yield "loss/validation", row.validation.loss
        yield "accuracy/validation", row.validation.accuracy
